// A CHAT/1.0 server on Node, written from the assignment alone.

const net = require("net");

const VERSION = "CHAT/1.0";
const LONGEST_LINE = 16 * 1024;
const LARGEST_BACKLOG = 16 * 1024 * 1024;
const NEWLINE = Buffer.from("\n");
const CARRIAGE_RETURN = 13;

const members = new Map(); // name -> socket

function say(socket, line) {
  if (!socket.writable) return;
  socket.write(Buffer.concat([Buffer.from(line), NEWLINE]));
  if (socket.writableLength > LARGEST_BACKLOG) socket.destroy(); // it does not read
}

function attend(socket) {
  let name = null;
  let rest = Buffer.alloc(0);

  function leave() {
    if (name !== null && members.get(name) === socket) members.delete(name);
    name = null;
  }

  function register(line) {
    const words = line.toString().split(" ");
    const isWellFormed = words.length === 3 && words[0] === "REGISTER" && words[2] === VERSION;
    if (!isWellFormed || !/^[^\s\p{C}]{1,64}$/u.test(words[1])) {
      say(socket, "400 Invalid registration");
      socket.end();
    } else if (members.has(words[1])) {
      say(socket, "401 Client already registered");
      socket.end();
    } else {
      say(socket, "200 Registration successful");
      name = words[1];
      members.set(name, socket);
    }
  }

  function hear(line) {
    if (name === null) return register(line);
    const text = line.toString();
    if (text === `DISCONNECT ${name} ${VERSION}`) {
      leave();
      socket.end();
    } else if (text.startsWith(`@${name}: `)) {
      for (const [other, to] of members) if (other !== name) say(to, line);
    }
  }

  socket.setNoDelay(true);
  socket.on("data", (segment) => {
    rest = Buffer.concat([rest, segment]);
    let from = 0;
    for (let end; (end = rest.indexOf(10, from)) >= 0; from = end + 1) {
      if (!socket.writable) return;
      const isCrLf = end > from && rest[end - 1] === CARRIAGE_RETURN;
      hear(rest.subarray(from, isCrLf ? end - 1 : end));
    }
    rest = rest.subarray(from);
    if (rest.length > LONGEST_LINE) socket.destroy();
  });
  socket.on("error", () => {}); // "close" follows
  socket.on("close", leave);
}

const server = net.createServer(attend);
server.listen({ port: 0, backlog: 512 }, () => console.log(`Listening on port ${server.address().port}`));

function sayFarewell() {
  server.close();
  for (const socket of members.values()) {
    say(socket, `DISCONNECT ${VERSION}`);
    socket.end();
  }
  setTimeout(() => process.exit(0), 200);
}

process.on("SIGINT", sayFarewell);
process.on("SIGTERM", sayFarewell);
