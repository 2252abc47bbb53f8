#![no_main]

chat_conformance_fuzz::fuzz!("archive");
