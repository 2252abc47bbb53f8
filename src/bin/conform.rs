//! `conform`: replays the suite against a program and grades it.
fn main() {}
