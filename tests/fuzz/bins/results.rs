#![no_main]

chat_conformance_fuzz::fuzz_json!("results");
