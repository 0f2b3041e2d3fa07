//! Random bodies that follow a layout: what a test decodes and encodes again must be the same bytes.

use super::{Field, Kind};
use crate::wire::Writer;

/// Writes one body. Tagged fields never have their default, which an encoder would leave out.
pub(in crate::messages) struct RandomBody {
    writer: Writer,
    is_flexible: bool,
    state: u64,
    in_tag: bool,
    /// Whether structs end with a tagged field that nobody knows.
    has_unknown_tags: bool,
}

impl RandomBody {
    pub(in crate::messages) fn new(version: i16, is_flexible: bool, seed: u64) -> Self {
        let writer = Writer::new(version, is_flexible);
        Self { writer, is_flexible, state: seed, in_tag: false, has_unknown_tags: false }
    }

    pub(in crate::messages) fn with_unknown_tags(mut self) -> Self {
        self.has_unknown_tags = true;
        self
    }

    pub(in crate::messages) fn write(mut self, fields: &[Field]) -> Vec<u8> {
        self.fields(fields);
        self.writer.finish().unwrap()
    }

    /// A number below `bound`.
    fn below(&mut self, bound: u8) -> u8 {
        u8::try_from(self.next() % u64::from(bound)).unwrap()
    }

    /// The next number (SplitMix64).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn fields(&mut self, fields: &[Field]) {
        let version = self.writer.version();
        let (tagged, plain): (Vec<&Field>, Vec<&Field>) = fields
            .iter()
            .filter(|field| field.versions.contains(version))
            .partition(|field| field.tag.is_some());
        for field in plain {
            self.value(&field.kind, field.nullable.contains(version));
        }
        if self.is_flexible {
            self.tags(tagged);
        }
    }

    fn tags(&mut self, mut tagged: Vec<&Field>) {
        tagged.retain(|_| self.below(2) == 0);
        tagged.sort_by_key(|field| field.tag);
        let unknown = self.has_unknown_tags && self.below(3) == 0;
        self.writer.varint(u32::try_from(tagged.len()).unwrap() + u32::from(unknown));
        for field in tagged {
            let version = self.writer.version();
            let mut inner = Self::new(version, true, self.next());
            inner.in_tag = true;
            // A value that is not null, but with the byte that says so where there could be a null.
            if matches!(field.kind, Kind::Struct(_)) && field.nullable.contains(version) {
                inner.writer.write(&1i8);
            }
            inner.value(&field.kind, false);
            let bytes = inner.writer.finish().unwrap();
            self.writer.varint(field.tag.unwrap());
            self.writer.varint(u32::try_from(bytes.len()).unwrap());
            self.writer.put(&bytes);
        }
        if unknown {
            self.writer.varint(1000);
            self.writer.varint(3);
            self.writer.put(b"???");
        }
    }

    fn value(&mut self, kind: &Kind, is_nullable: bool) {
        let is_null = is_nullable && self.below(3) == 0;
        match kind {
            // Only 0 and 1 in a byte, for it may be a truth value.
            Kind::Fixed(1) => {
                let value = if self.in_tag { 1 } else { self.below(2) };
                self.writer.put(&[value]);
            }
            Kind::Fixed(size) => {
                for _ in 0..*size {
                    let value = 1 + self.below(100);
                    self.writer.put(&[value]);
                }
            }
            Kind::String if is_null => self.writer.string_len(None),
            Kind::String => {
                let text = "été fräulein ".repeat(usize::from(self.below(3)));
                self.writer.string_len(Some(text.len()));
                self.writer.put(text.as_bytes());
            }
            Kind::Struct(_) if is_null => self.writer.write(&-1i8),
            Kind::Struct(fields) => {
                if is_nullable {
                    self.writer.write(&1i8);
                }
                self.fields(fields);
            }
            _ if is_null => self.writer.len(None),
            Kind::Bytes => {
                let bytes = vec![7; usize::from(self.below(200))];
                self.writer.len(Some(bytes.len()));
                self.writer.put(&bytes);
            }
            Kind::Array(element) => {
                let count = usize::from(self.below(3)) + usize::from(self.in_tag);
                self.writer.len(Some(count));
                for _ in 0..count {
                    self.value(element, false);
                }
            }
        }
    }
}
