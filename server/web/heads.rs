//! Noticing that a client asks for heads only.

use memchr::memmem;

const HEAD: &[u8] = b"HEAD ";

/// Looks for HEAD requests in what a client sends. It may take other bytes for one, which does no harm.
#[derive(Debug, Default)]
pub struct Heads {
    is_found: bool,
    /// The end of what came last, too short to hold the word.
    seam: Vec<u8>,
}

impl Heads {
    /// Looks at the next bytes; says whether there may have been a HEAD up to here.
    pub fn look(&mut self, bytes: &[u8]) -> bool {
        if self.is_found {
            return true;
        }
        let most = HEAD.len() - 1;
        self.seam.extend_from_slice(&bytes[..bytes.len().min(most)]);
        self.is_found = memmem::find(&self.seam, HEAD).is_some() || memmem::find(bytes, HEAD).is_some();
        if bytes.len() > most {
            self.seam.clear();
            self.seam.extend_from_slice(&bytes[bytes.len() - most..]);
        }
        self.seam.drain(..self.seam.len().saturating_sub(most));
        self.is_found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_found_however_the_bytes_come() {
        let sent = b"GET /a HTTP/1.1\r\n\r\nHEAD /b HTTP/1.1\r\n\r\n";
        for step in 1..sent.len() {
            let mut heads = Heads::default();
            let found: Vec<bool> = sent.chunks(step).map(|bytes| heads.look(bytes)).collect();
            let expected = sent.chunks(step).scan(0, |end, bytes| {
                *end += bytes.len();
                Some(*end >= 24) // the word and its space are there
            });
            assert_eq!(found, expected.collect::<Vec<_>>(), "{step} bytes at a time");
        }
        assert!(!Heads::default().look(b"GET /a/HEAD/b HTTP/1.1\r\nHost: heads\r\n\r\n"));
    }
}
