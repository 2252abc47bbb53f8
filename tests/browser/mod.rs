//! A browser, driven by the WebDriver protocol: chromedriver and a Chromium without a window.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Under which key the protocol puts the name of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long to wait for an answer of the driver.
const PATIENCE: Duration = Duration::from_secs(60);

/// A browser that is gone when this is dropped.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts one; says so loudly and gives nothing where there is none on this machine.
    pub fn start() -> Option<Browser> {
        let is_there = |program: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
        };
        for program in ["chromedriver", "chromium"] {
            if !is_there(program) {
                eprintln!(
                    "NOT RUN: {program} is not installed, so no page was opened in a browser"
                );
                return None;
            }
        }
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver can be started");
        let port = port_of(&mut driver);
        let profile = tempfile::tempdir().expect("a folder can be made");
        let mut browser = Browser {
            driver,
            port,
            session: String::new(),
            _profile: profile,
        };
        browser.session = browser.open_session();
        Some(browser)
    }

    fn open_session(&self) -> String {
        let profile = self._profile.path().display();
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": { "args": [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--window-size=1200,900",
                format!("--user-data-dir={profile}"),
            ] },
        } } });
        let answer = self.ask("POST", "/session", &capabilities);
        let session = answer["sessionId"].as_str();
        session
            .unwrap_or_else(|| panic!("no session: {answer}"))
            .to_owned()
    }

    /// Opens a file.
    pub fn open(&self, file: &Path) {
        let url = url::Url::from_file_path(file).expect("an absolute path");
        self.tell("/url", &json!({ "url": url.as_str() }));
    }

    /// What `script`, the body of a function, gives back.
    pub fn run(&self, script: &str) -> Value {
        self.tell("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Clicks the first element that fits.
    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.tell(&format!("/element/{element}/click"), &json!({}));
    }

    /// Types into the first element that fits.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.tell(
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    fn find(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let answer = self.tell("/element", &wanted);
        answer[ELEMENT].as_str().expect("an element").to_owned()
    }

    /// Makes pages appear as on a screen of this size.
    pub fn resize(&self, width: u32, height: u32) {
        let screen =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": screen });
        self.tell("/goog/cdp/execute", &command);
    }

    /// Makes pages appear as on paper, or as on a screen again.
    pub fn appear_as(&self, medium: &str) {
        let command = json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "media": medium } });
        self.tell("/goog/cdp/execute", &command);
    }

    /// What the browser complained of since it was last asked.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.tell("/se/log", &json!({ "type": "browser" }));
        let entries = log.as_array().expect("a list").iter();
        let severe = entries.filter(|entry| entry["level"] == "SEVERE");
        severe.map(Value::to_string).collect()
    }

    /// The addresses that were asked for since this was last called, those of files and of the
    /// browser's own pages aside.
    pub fn requests(&self) -> Vec<String> {
        let log = self.tell("/se/log", &json!({ "type": "performance" }));
        let entries = log.as_array().expect("a list").iter();
        let requests = entries.filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            let is_request = event["method"] == "Network.requestWillBeSent";
            let url = event["params"]["request"]["url"].as_str()?;
            let is_of_its_own = ["file:", "data:", "chrome:", "chrome-untrusted:"]
                .iter()
                .any(|scheme| url.starts_with(scheme));
            (is_request && !is_of_its_own).then(|| url.to_owned())
        });
        requests.collect()
    }

    fn tell(&self, what: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}{what}", self.session), body)
    }

    /// One request to the driver on a connection of its own.
    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .expect("chromedriver reads");
        let answer: Value = serde_json::from_slice(&body_of(stream)).expect("an answer in JSON");
        let value = &answer["value"];
        assert!(value.get("error").is_none(), "{method} {path}: {value}");
        value.clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The session's end ends Chromium; the driver itself is ended by its id.
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = write!(
                stream,
                "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n",
                self.session, self.port
            );
            let _ = stream.read(&mut [0]);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// The port that the driver says it listens on.
fn port_of(driver: &mut Child) -> u16 {
    let output = driver.stdout.take().expect("is piped");
    let begun = Instant::now();
    let mut lines = BufReader::new(output).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse().ok()
    });
    // What it prints later is read, so that it never waits for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    port.unwrap_or_else(|| panic!("chromedriver named no port within {:?}", begun.elapsed()))
}

/// The body of an answer, as long as its head says.
fn body_of(stream: TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a head");
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().expect("a length");
            }
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a whole body");
    body
}
