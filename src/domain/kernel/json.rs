//! Writing JSON.

use std::io;

use serde::Serialize;

/// Appends a value as JSON.
///
/// # Errors
/// The value's, where it is no JSON.
pub fn write(text: &mut Vec<u8>, value: &impl Serialize) -> Result<(), serde_json::Error> {
    serde_json::to_writer(Text(text), value)
}

/// `serde_json` writes each quotation mark, colon and comma by itself, most of its writes: those are pushed, not copied
/// by a call.
struct Text<'a>(&'a mut Vec<u8>);

impl io::Write for Text<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match bytes {
            [byte] => self.0.push(*byte),
            _ => self.0.extend_from_slice(bytes),
        }
        Ok(())
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_what_serde_json_writes(value: Vec<(String, Option<f64>)>) {
            let mut text = b"before ".to_vec();
            super::write(&mut text, &value).unwrap();
            prop_assert_eq!(text, [b"before ".to_vec(), serde_json::to_vec(&value).unwrap()].concat());
        }
    }
}
