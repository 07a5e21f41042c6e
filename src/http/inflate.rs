//! Undoes gzip with two guards: a cap on the decoded size and one on the ratio.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::FailKind;

/// Decoded bytes per compressed byte that are believed; text reaches about 30.
const RATIO: usize = 200;
/// Below this decoded size the ratio says nothing: a page of equal rows compresses very well.
const RATIO_FROM: usize = 1 << 20;
const CHUNK: usize = 64 << 10;

/// Decodes a gzip body of at most `limit` decoded bytes. Stops early at a compression bomb, so
/// that memory never holds more than one chunk over the cap.
pub(super) fn gunzip(body: &[u8], limit: usize) -> Result<Vec<u8>, (FailKind, String)> {
    let mut decoder = MultiGzDecoder::new(body);
    let mut out = Vec::new();
    let mut chunk = vec![0u8; CHUNK];
    loop {
        let n = decoder.read(&mut chunk).map_err(|e| (FailKind::Broken, format!("gzip: {e}")))?;
        if n == 0 {
            return Ok(out);
        }
        out.extend_from_slice(chunk.get(..n).unwrap_or_default());
        if out.len() > limit {
            return Err((FailKind::TooLarge, format!("over {limit} bytes after decompression")));
        }
        if out.len() > RATIO_FROM && out.len() / RATIO > body.len() {
            return Err((FailKind::TooLarge, format!("expands more than {RATIO} times")));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut e = GzEncoder::new(Vec::new(), Compression::best());
        e.write_all(data).unwrap();
        e.finish().unwrap()
    }

    #[test]
    fn text_comes_back_and_bombs_do_not() {
        let text = b"{\"result\":[]}".repeat(40);
        assert_eq!(gunzip(&gzip(&text), 1 << 20).unwrap(), text);
        let bomb = gzip(&vec![b' '; 32 << 20]);
        assert_eq!(gunzip(&bomb, 64 << 20).unwrap_err().0, FailKind::TooLarge);
        assert_eq!(gunzip(&gzip(&text), 100).unwrap_err().0, FailKind::TooLarge);
        let half = gzip(&text);
        assert_eq!(gunzip(&half[..half.len() / 2], 1 << 20).unwrap_err().0, FailKind::Broken);
    }
}
