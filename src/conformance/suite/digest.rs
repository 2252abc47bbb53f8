//! Digests, by which equal suites, submissions and files are recognised.

use sha2::{Digest as _, Sha256};

/// A digest under construction. Its parts are separated: "ab", "c" differs from "a", "bc".
#[derive(Debug, Clone, Default)]
pub struct Digest(Sha256);

impl Digest {
    /// Adds a part.
    pub fn add(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// Adds bytes to the part before them.
    pub fn add_more(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest, in 32 hexadecimal digits.
    pub fn finish(self) -> String {
        let bytes = self.0.finalize();
        bytes[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(parts: &[&str]) -> String {
        let mut digest = Digest::default();
        for part in parts {
            digest.add(part);
        }
        digest.finish()
    }

    #[test]
    fn what_differs_has_another_digest() {
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(digest(&["a"]), digest(&["a", ""]));
        assert_eq!(digest(&[]).len(), 32);
    }
}
