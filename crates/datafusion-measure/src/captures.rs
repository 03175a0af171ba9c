//! Which field of an operator is the large one.
//!
//! Looks only at the bytes a codec wrote for the operator: a JSON object names its fields itself; a protobuf message
//! has numbers, to which the caller may give names. Bytes of neither kind are taken as one whole.

use std::collections::HashMap;

/// Names of protobuf fields per operator: `names["SavePartitionExec"][&2] == "lookup table"`.
pub(super) type FieldNames = HashMap<String, HashMap<u32, String>>;

/// A field: its name, its bytes, and what a field of bytes holds.
type Field<'a> = (String, usize, &'a [u8]);

/// The largest field of an encoded operator: its name and bytes. Where the largest field of a message is a JSON
/// object, as where a codec wraps what functions write, it is that object's largest. Nothing when the bytes have no
/// fields we can tell.
pub(super) fn largest_field(operator: &str, encoded: &[u8], names: &FieldNames) -> Option<(String, usize)> {
    if let Some(fields) = json_fields(encoded) {
        return fields.into_iter().max_by_key(|(_, bytes)| *bytes);
    }
    let fields = protobuf_fields(encoded, names.get(operator))?;
    let (name, bytes, content) = fields.into_iter().max_by_key(|(_, bytes, _)| *bytes)?;
    let inner = json_fields(content).and_then(|fields| fields.into_iter().max_by_key(|(_, bytes)| *bytes));
    Some(inner.unwrap_or((name, bytes)))
}

/// Top-level keys of a JSON object with the bytes of their values.
fn json_fields(encoded: &[u8]) -> Option<Vec<(String, usize)>> {
    if encoded.first() != Some(&b'{') {
        return None;
    }
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(encoded).ok()?;
    Some(
        object
            .into_iter()
            .map(|(key, value)| {
                let bytes = value.to_string().len();
                (format!("'{key}'"), bytes)
            })
            .collect(),
    )
}

/// Top-level fields of a protobuf message with all their bytes; nothing unless every byte belongs to a field.
fn protobuf_fields<'a>(encoded: &'a [u8], names: Option<&HashMap<u32, String>>) -> Option<Vec<Field<'a>>> {
    let mut sizes: Vec<(u32, usize, &[u8])> = Vec::new();
    let mut rest = encoded;
    while !rest.is_empty() {
        let before = rest.len();
        let key = varint(&mut rest)?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0)?;
        let skip = match key & 7 {
            0 => {
                varint(&mut rest)?;
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (content, tail) = rest.split_at_checked(skip)?;
        rest = tail;
        let bytes = before - rest.len();
        match sizes.iter_mut().find(|(known, ..)| *known == number) {
            Some((_, total, _)) => *total += bytes,
            None => sizes.push((number, bytes, content)),
        }
    }
    let name = |number: u32| match names.and_then(|names| names.get(&number)) {
        Some(name) => format!("'{name}'"),
        None => format!("number {number}"),
    };
    Some(sizes.into_iter().map(|(number, bytes, content)| (name(number), bytes, content)).collect())
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_large_key_of_a_json_object() {
        let encoded =
            br#"{"url":"http://localhost:5984","table":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#;
        assert_eq!(largest_field("SaveExec", encoded, &FieldNames::new()), Some(("'table'".into(), 50)));
    }

    #[test]
    fn names_or_numbers_the_large_field_of_a_protobuf_message() {
        let mut encoded = vec![0x0a, 3, b'u', b'r', b'l', 0x18, 0x96, 0x01];
        encoded.extend([0x12, 0xac, 0x02]);
        encoded.extend(std::iter::repeat_n(7u8, 300));
        let mut names = FieldNames::new();
        assert_eq!(largest_field("SaveExec", &encoded, &names), Some(("number 2".into(), 303)));
        names.insert("SaveExec".into(), HashMap::from([(2, "lookup table".to_owned())]));
        assert_eq!(largest_field("SaveExec", &encoded, &names), Some(("'lookup table'".into(), 303)));
    }

    #[test]
    fn looks_into_json_that_a_message_wraps() {
        let json = format!("{{\"url\":\"x\",\"table\":\"{}\"}}", "y".repeat(60));
        let mut encoded = vec![0x0a, 4, b's', b'a', b'v', b'e', 0x12, json.len() as u8];
        encoded.extend(json.as_bytes());
        assert_eq!(largest_field("SaveExec", &encoded, &FieldNames::new()), Some(("'table'".into(), 62)));
    }

    #[test]
    fn says_nothing_about_bytes_without_fields() {
        assert_eq!(largest_field("SaveExec", &[0xff; 40], &FieldNames::new()), None);
        assert_eq!(largest_field("SaveExec", &[0x12, 0x7f, 1], &FieldNames::new()), None);
        assert_eq!(largest_field("SaveExec", b"{not json", &FieldNames::new()), None);
    }
}
