//! How large the streams of a PDF become when they are unpacked, found out before anything is kept of them.
//!
//! The interpreter unpacks a stream as a whole, and 2 MB can hold 2 GB of blanks. So each stream is unpacked here first,
//! and thrown away. Pictures are never unpacked later, but what says that it is one may be none; they may be larger. What
//! is encrypted shows nothing here.

use super::Deadline;
use flate2::read::{DeflateDecoder, ZlibDecoder};
use memchr::memmem;
use std::io::Read;

/// What the streams of a PDF may unpack to, in bytes.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// One stream. The drawing of a page has some hundred kB, a large font some MB.
    stream: u64,
    /// A picture: a page of 1,200 dots an inch.
    picture: u64,
    /// All streams together, but for pictures.
    together: u64,
}

const LIMITS: Limits = Limits { stream: 64 << 20, picture: 1 << 30, together: 512 << 20 };
/// A stream may be packed several times over.
const LAYERS: usize = 4;
/// So far before a stream its dictionary is looked for.
const DICTIONARY: usize = 4096;

/// The limit that a stream of `pdf`, or all together, exceed, if they do. Gives up at the deadline.
pub(super) fn exceeded_limit(pdf: &[u8], deadline: Deadline) -> Option<u64> {
    exceeded(LIMITS, pdf, deadline)
}

fn exceeded(limits: Limits, pdf: &[u8], deadline: Deadline) -> Option<u64> {
    let mut together = 0;
    memmem::find_iter(pdf, b"stream").find_map(|at| {
        let data = match pdf[at + b"stream".len()..] {
            [b'\r', b'\n', ref data @ ..] | [b'\n' | b'\r', ref data @ ..] => data,
            _ => return None,
        };
        let before = &pdf[at.saturating_sub(DICTIONARY)..at];
        if before.ends_with(b"end") {
            return None;
        }
        let dictionary = &before[memmem::rfind(before, b"obj").unwrap_or(0)..];
        let says = |name: &[u8]| memmem::find(dictionary, name).is_some();
        let is_picture = says(b"/Image");
        let most = if is_picture { limits.picture } else { limits.stream };
        let mut size = inflated(data, most, deadline);
        if says(b"LZW") {
            size = size.max(lzw(data, most));
        }
        together += if is_picture { 0 } else { size };
        if size > most { Some(most) } else { (together > limits.together).then_some(limits.together) }
    })
}

/// How many bytes `data` inflates to; more than `most` where it is more. What is not deflated has none.
fn inflated(data: &[u8], most: u64, deadline: Deadline) -> u64 {
    let zlib = size(&|| Box::new(ZlibDecoder::new(data)), most, LAYERS, deadline);
    if zlib > 0 { zlib } else { size(&|| Box::new(DeflateDecoder::new(data)), most, LAYERS, deadline) }
}

/// How many bytes the reader of `open` gives, or what they inflate to in their turn where that is more.
fn size<'a>(open: &dyn Fn() -> Box<dyn Read + 'a>, most: u64, layers: usize, deadline: Deadline) -> u64 {
    let mut reader = open().take(most + 1);
    let mut buffer = vec![0; 1 << 16];
    let (mut size, mut start): (u64, Vec<u8>) = (0, Vec::new());
    while let Ok(length @ 1..) = reader.read(&mut buffer) {
        deadline.check();
        start.extend(buffer[..length].iter().take(2_usize.saturating_sub(start.len())));
        size += length as u64;
    }
    // The two bytes that zlib begins with: a method and a check.
    let is_packed = matches!(start[..], [method, check]
        if method & 0x0f == 8 && (u16::from(method) << 8 | u16::from(check)).is_multiple_of(31));
    if layers == 1 || !is_packed || size > most {
        return size;
    }
    let inner = self::size(&|| Box::new(ZlibDecoder::new(open())), most, layers - 1, deadline);
    size.max(inner)
}

/// How many bytes `data` has by LZW as PDF uses it; counts lengths and keeps no text.
///
/// ISO 32000-1, 7.4.4: codes of 9 to 12 bits, 256 clears the table, 257 ends.
fn lzw(data: &[u8], most: u64) -> u64 {
    let mut lengths: Vec<u64> = Vec::with_capacity(4096);
    let (mut size, mut previous): (u64, Option<u64>) = (0, None);
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut bytes = data.iter();
    loop {
        let width = match lengths.len() + 258 {
            0..511 => 9,
            511..1023 => 10,
            1023..2047 => 11,
            _ => 12,
        };
        while held < width {
            let Some(byte) = bytes.next() else { return size };
            bits = bits << 8 | u32::from(*byte);
            held += 8;
        }
        let code = (bits >> (held - width) & ((1 << width) - 1)) as usize;
        held -= width;
        bits &= (1 << held) - 1;
        match code {
            256 => {
                lengths.clear();
                previous = None;
                continue;
            }
            257 => return size,
            _ => {}
        }
        let length = match (code, previous) {
            (0..256, _) => 1,
            (_, Some(before)) => lengths.get(code - 258).copied().unwrap_or(before + 1),
            _ => return size,
        };
        if let Some(before) = previous
            && lengths.len() < 4096 - 258
        {
            lengths.push(before + 1);
        }
        previous = Some(length);
        size += length;
        if size > most {
            return size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Deadline;
    use super::{Limits, exceeded, lzw};
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write;
    use std::time::{Duration, Instant};

    const SMALL: Limits = Limits { stream: 1 << 20, picture: 16 << 20, together: 8 << 20 };

    fn is_too_much(pdf: &[u8]) -> bool {
        let most = Duration::from_secs(600);
        exceeded(SMALL, pdf, Deadline { end: Instant::now() + most, most }).is_some()
    }

    fn packed(data: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn pdf(dictionary: &str, stream: &[u8]) -> Vec<u8> {
        let head = format!("%PDF-1.4\n1 0 obj\n<<{dictionary}>>\nstream\n");
        [head.as_bytes(), stream, b"\nendstream\nendobj\n"].concat()
    }

    #[test]
    fn what_unpacks_to_far_too_much_is_known_whatever_it_is_called() {
        let blanks = vec![b' '; SMALL.stream as usize + 1];
        let (once, twice) = (packed(&blanks), packed(&packed(&blanks)));
        for dictionary in ["/Filter/FlateDecode", "/Filter[/Fl#61teDecode/FlateDecode]"] {
            assert!(is_too_much(&pdf(dictionary, &once)) && is_too_much(&pdf(dictionary, &twice)));
        }
        // Without the header of zlib, as some programs write it.
        assert!(is_too_much(&pdf("/Filter/FlateDecode", &once[2..])));
        // What begins as zlib does by chance is counted as what it is.
        let chance = packed(&[b"x^".as_slice(), &blanks].concat());
        assert!(is_too_much(&pdf("/Filter/FlateDecode", &chance)));
        let fits = packed(&blanks[..1 << 16]);
        assert!(!is_too_much(&pdf("/Filter/FlateDecode", &fits)));
        assert!(!is_too_much(&pdf("/Subtype/Image/Filter/FlateDecode", &once)));
        let many = pdf("/Filter/FlateDecode", &packed(&blanks[..SMALL.stream as usize])).repeat(9);
        assert!(is_too_much(&many), "each of them fits, all together do not");
    }

    #[test]
    fn lzw_is_counted_to_the_byte() {
        // The example of ISO 32000-1, 7.4.4.2: ten bytes.
        let example = [0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01];
        assert_eq!(lzw(&example, SMALL.stream), 10);
        // Each code is one longer than all before it.
        let mut bomb = Vec::new();
        let (mut bits, mut held, mut entries) = (0_u64, 0, 258_u64);
        let mut put = |code: u64, width: u32, bomb: &mut Vec<u8>| {
            bits = bits << width | code;
            held += width;
            while held >= 8 {
                bomb.push((bits >> (held - 8)) as u8);
                held -= 8;
            }
            bits &= (1 << held) - 1;
        };
        put(256, 9, &mut bomb);
        put(32, 9, &mut bomb);
        for _ in 0..20_000 {
            let width = match entries {
                0..511 => 9,
                511..1023 => 10,
                1023..2047 => 11,
                _ => 12,
            };
            put(entries.min(4095), width, &mut bomb);
            entries += 1;
        }
        assert!(lzw(&bomb, SMALL.stream) > SMALL.stream, "{} bytes", bomb.len());
        assert!(is_too_much(&pdf("/Filter/LZWDecode", &bomb)));
    }

    #[test]
    fn anything_else_is_no_bomb() {
        for stream in [&b""[..], b"BT (text) Tj ET", &[0x78], &[0x78, 0x9c], &[0xff; 5000], &[0; 5000]] {
            assert!(!is_too_much(&pdf("", stream)) && !is_too_much(&pdf("/LZW", stream)));
        }
        assert!(!is_too_much(b"stream") && !is_too_much(b"stream\n") && !is_too_much(b"endstream\n"));
    }
}
