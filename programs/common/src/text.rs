//! Text in fixed-width fields: UTF-8 from the start of the field, zero bytes to its end.

/// Whether `field` holds some text: valid UTF-8, at least one byte, no control characters, zero-padded.
pub fn is_text(field: &[u8]) -> bool {
    field.first().is_some_and(|byte| *byte != 0) && is_text_or_empty(field)
}

/// As [`is_text`], but the field may also be all zeros.
pub fn is_text_or_empty(field: &[u8]) -> bool {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, padding) = field.split_at(end);
    padding.iter().all(|byte| *byte == 0)
        && core::str::from_utf8(text).is_ok_and(|text| !text.chars().any(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf8_then_zeros() {
        assert!(is_text(b"sentiment\0\0\0"));
        assert!(is_text("grün".as_bytes()));
        assert!(is_text(b"full"));
    }

    #[test]
    fn empty_text_is_only_allowed_where_asked_for() {
        assert!(!is_text(&[0; 8]) && is_text_or_empty(&[0; 8]));
        assert!(!is_text(&[]) && is_text_or_empty(&[]));
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        for field in [&b"a\0b\0"[..], b"\0b\0\0", b"name\0\0\x01"] {
            assert!(!is_text(field) && !is_text_or_empty(field));
        }
    }

    #[test]
    fn broken_utf8_and_control_characters_are_refused() {
        // 0xc3 begins a two-byte character: cut off by the padding, then by the field's end.
        for field in [&b"gr\xc3\0"[..], b"gr\xc3", b"\xff\xfe", b"two\nlines", b"esc\x1b[0m"] {
            assert!(!is_text(field) && !is_text_or_empty(field));
        }
    }
}
