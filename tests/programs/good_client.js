// A CHAT/1.0 client on Node, written from the assignment alone; its line editor is Node's own.

const net = require("net");
const readline = require("readline");

const VERSION = "CHAT/1.0";
const LONGEST_LINE = 64 * 1024;

function end(status, notice) {
  console.log(`\n${notice}`);
  process.exit(status);
}

function harmless(text) {
  return text.replace(/[\p{Cc}]/gu, (c) => (c === "\u0085" ? c : "?"));
}

const [name, address] = process.argv.slice(2);
const place = /^chat:\/\/([^/:@\s]+):([0-9]{1,5})\/?$/.exec(address || "");
if (!place || Number(place[2]) < 1 || Number(place[2]) > 65535) {
  end(2, `${address} is not an address: it must be chat://host:port`);
}

const socket = net.connect(Number(place[2]), place[1]);
let keyboard = null;
let rest = Buffer.alloc(0);

function say(line, then) {
  socket.write(line + "\n", then);
}

function leave() {
  say(`DISCONNECT ${name} ${VERSION}`, () => end(0, "Goodbye."));
}

function show(text) {
  process.stdout.write(`\r\x1b[K${text}\n`);
  keyboard.prompt(true);
}

function begin() {
  keyboard = readline.createInterface({ input: process.stdin, output: process.stdout, prompt: "> " });
  keyboard.on("line", (line) => {
    if (line !== "") say(`@${name}: ${line}`);
    keyboard.prompt();
  });
  keyboard.on("SIGINT", leave);
  keyboard.on("close", leave); // end of input
  show("You are registered.");
}

function hear(line) {
  if (keyboard === null) {
    if (line.split(" ")[0] !== "200") end(1, `The server refuses the registration: ${harmless(line)}`);
    begin();
  } else if (line === `DISCONNECT ${VERSION}`) {
    end(0, "The server has been shut down.");
  } else {
    show(harmless(line));
  }
}

socket.on("connect", () => say(`REGISTER ${name} ${VERSION}`));
socket.on("data", (segment) => {
  rest = Buffer.concat([rest, segment]);
  for (let at; (at = rest.indexOf(10)) >= 0; rest = rest.subarray(at + 1)) {
    hear(rest.subarray(0, at).toString().replace(/\r$/, ""));
  }
  if (rest.length > LONGEST_LINE) end(1, "The server sends a line without end.");
});
socket.on("error", (error) => end(1, `No connection to ${address}: ${error.message}`));
socket.on("close", () => end(1, "The connection to the server is lost."));
process.on("SIGINT", () => (keyboard ? leave() : end(130, "Interrupted.")));
process.on("SIGTERM", () => (keyboard ? leave() : end(143, "Ended.")));
