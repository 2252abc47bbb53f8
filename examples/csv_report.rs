//! A report format of one's own: the verdicts of a stored result as CSV.
//!
//! ```sh
//! cargo run -- server --json result.json -- target/debug/chat-server
//! cargo run --example csv_report -- result.json
//! ```
//!
//! It reads the documented JSON (docs/results.md), so it works without starting any program.

use std::error::Error;
use std::fs;

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args()
        .nth(1)
        .ok_or("give the file that `conform server --json FILE` wrote")?;
    let result: Value = serde_json::from_str(&fs::read_to_string(file)?)?;
    let requirements = result["requirements"]
        .as_array()
        .ok_or("this is not the result of `conform`")?;
    println!("requirement,level,verdict,blocked by");
    for requirement in requirements {
        let field = |name: &str| requirement[name].as_str().unwrap_or_default();
        let blocked_by: Vec<&str> = requirement["blocked_by"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        println!(
            "{},{},{},{}",
            field("id"),
            field("level"),
            field("verdict"),
            blocked_by.join(" ")
        );
    }
    Ok(())
}
