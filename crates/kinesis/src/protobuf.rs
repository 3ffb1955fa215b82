//! The little of Protocol Buffers that aggregated records use ("Encoding", Protocol Buffers
//! documentation). Owns reading fields; a total function that copies nothing.

/// One field of a message.
pub(crate) enum Field<'a> {
    /// Its bytes: a string, bytes, or a message of its own.
    Bytes(&'a [u8]),
    /// A number; none of them is needed here.
    Number,
}

/// The fields of a message in order; `None` inside when the bytes are no message.
pub(crate) struct Fields<'a> {
    left: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { left: message }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(length)?;
        self.left = left;
        Some(taken)
    }

    /// A number in base 128, lowest group first; ten bytes hold 64 bits.
    fn number(&mut self) -> Option<u64> {
        let mut number: u64 = 0;
        for at in 0..10 {
            let byte = self.take(1)?[0];
            // The tenth byte has room for one bit.
            if at == 9 && byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn field(&mut self) -> Option<(u64, Field<'a>)> {
        let tag = self.number()?;
        let field = match tag & 7 {
            0 => self.number().map(|_| Field::Number)?,
            1 => self.take(8).map(|_| Field::Number)?,
            2 => {
                let length = usize::try_from(self.number()?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Field::Number)?,
            _ => return None,
        };
        Some((tag >> 3, field))
    }
}

impl<'a> Iterator for Fields<'a> {
    /// A field's number and what it holds; `None` for what cannot be read, after which nothing
    /// follows.
    type Item = Option<(u64, Field<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.left = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Fields};

    #[test]
    fn broken_messages_end_with_none() {
        for bytes in [
            &[0x0a][..],
            &[0x0a, 0x05, 1, 2],
            &[0x08, 0x80],
            &[0x0b],
            &[
                0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
            ],
            &[
                0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
            ],
        ] {
            assert!(Fields::of(bytes).last().unwrap().is_none(), "{bytes:?}");
        }
    }

    #[test]
    fn fields_are_read_in_order() {
        let bytes = [0x08, 0xac, 0x02, 0x1a, 0x02, 7, 8, 0x25, 1, 2, 3, 4];
        let fields: Vec<_> = Fields::of(&bytes).map(Option::unwrap).collect();
        assert!(matches!(fields[0], (1, Field::Number)));
        assert!(matches!(fields[1], (3, Field::Bytes(&[7, 8]))));
        assert!(matches!(fields[2], (4, Field::Number)));
    }
}
