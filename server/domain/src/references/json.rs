//! References in JSON: web manifests, glTF, Lottie, and whatever else keeps paths of files. A text doesn't tell that it
//! is a path, so all of them only may be references.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Sink, Strength, address};

/// Finds the texts of a document that may be paths. A document that breaks off, or is nested too deeply, is read as far
/// as it goes.
pub(super) fn document(text: &str, sink: &mut Sink) {
    let read = Any { sink }.deserialize(&mut serde_json::Deserializer::from_str(text));
    drop(read); // what is no JSON from some place on refers to nothing from there on
}

/// A value of any kind.
struct Any<'a> {
    sink: &'a mut Sink,
}

/// A value whose own text is wanted, if it is one.
struct Named<'a> {
    sink: &'a mut Sink,
}

fn add(text: &str, sink: &mut Sink) {
    let is_line = !text.contains(|c: char| c.is_control());
    if is_line && address::names_a_file(text) {
        sink.add(text, Strength::Possible);
    }
}

impl<'de> DeserializeSeed<'de> for Any<'_> {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(Named { sink: self.sink })
    }
}

impl<'de> Visitor<'de> for Named<'_> {
    /// The text, where the value is one.
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        add(text, self.sink);
        Ok((text.len() <= super::REFERENCE_BYTES_MAX).then(|| text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element_seed(Any { sink: self.sink })?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self::Value, A::Error> {
        let (mut folder, mut name) = (None, None);
        while let Some(key) = fields.next_key::<Key>()? {
            let text = fields.next_value_seed(Any { sink: self.sink })?;
            match key {
                Key::Folder => folder = text,
                Key::Name => name = text,
                Key::Other => {}
            }
        }
        // Lottie's pictures: the folder in `u`, the file's name in `p`.
        if let (Some(folder), Some(name)) = (folder, name) {
            let slash = if folder.is_empty() || folder.ends_with('/') { "" } else { "/" };
            add(&format!("{folder}{slash}{name}"), self.sink);
        }
        Ok(None)
    }
}

/// A field's name, as far as it matters.
enum Key {
    Folder,
    Name,
    Other,
}

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(match name {
                    "u" => Key::Folder,
                    "p" => Key::Name,
                    _ => Key::Other,
                })
            }
        }
        deserializer.deserialize_str(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Format;
    use super::super::laws::{certain, found};

    #[test]
    fn documents_of_known_kinds_refer_to_their_files() {
        let manifest = r##"{ "name": "Shop", "start_url": "/", "version": "1.2.3", "theme_color": "#fff", "scope": "https://example.org/a.html",
            "icons": [{ "src": "img/192.png", "sizes": "192x192" }, { "src": "/img/512.png?v=1" }], "note": "see a.b or c" }"##;
        assert_eq!(found(Format::Json, manifest), ["img/192.png", "/img/512.png?v=1"]);
        let gltf = r#"{ "asset": { "version": "2.0" }, "buffers": [{ "uri": "scene.bin", "byteLength": 10 },
            { "uri": "data:application/octet-stream;base64,AA==" }], "images": [{ "uri": "textures/wood%20a.png" }] }"#;
        assert_eq!(found(Format::Json, gltf), ["scene.bin", "textures/wood%20a.png"]);
        let lottie = r#"{ "v": "5.7.4", "assets": [{ "id": "image_0", "u": "images/", "p": "img_0.png", "e": 0 },
            { "u": "", "p": "data:image/png;base64,AA==", "e": 1 }], "layers": [{ "nm": "Layer 1", "ks": { "p": { "k": [1.5, 2] } } }] }"#;
        assert_eq!(found(Format::Json, lottie), ["img_0.png", "images/img_0.png"]);
        assert!(certain(Format::Json, gltf).is_empty(), "a text may always be something else");
    }

    #[test]
    fn what_is_broken_is_read_as_far_as_it_goes() {
        assert_eq!(found(Format::Json, r#"{ "a": ["x.png", "y.pn"#), ["x.png"]);
        assert_eq!(found(Format::Json, r#"["a.png", 1e999999, "b.png"]"#), ["a.png"]);
        assert!(found(Format::Json, &"[".repeat(100_000)).is_empty());
        assert!(found(Format::Json, "\u{feff}").is_empty());
    }
}
