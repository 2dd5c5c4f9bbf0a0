//! Reads a dump's files: each is a list of `<row .../>` elements, streamed, so that the size of
//! the site does not matter. Whatever is malformed is named by file and line.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Counts the lines that have gone by, so that an error can name its own.
struct Lines<R> {
    inner: R,
    line: u64,
    bytes: u64,
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let available = self.fill_buf()?;
        let length = available.len().min(buffer.len());
        buffer[..length].copy_from_slice(&available[..length]);
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Lines<R> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(buffer) = self.inner.fill_buf() {
            self.line += buffer[..amount].iter().filter(|byte| **byte == b'\n').count() as u64;
        }
        self.bytes += amount as u64;
        self.inner.consume(amount);
    }
}

/// One `<row .../>`, with the means to say where it stood.
pub struct Row {
    attributes: HashMap<String, String>,
    place: String,
}

impl Row {
    pub fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    pub fn required(&self, name: &str) -> Result<&str, String> {
        self.text(name).ok_or_else(|| format!("{}: a row has no {name}", self.place))
    }

    pub fn number(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{}: {name}=\"{text}\" is not a number", self.place)),
        }
    }

    pub fn required_number(&self, name: &str) -> Result<i64, String> {
        self.required(name)?;
        Ok(self.number(name)?.unwrap_or_default())
    }

    /// A moment as the dump writes it, `2018-02-06T20:19:50.957`, which is UTC.
    pub fn moment(&self, name: &str) -> Result<&str, String> {
        let text = self.required(name)?;
        let shape = "0000-00-00T00:00:00.000";
        let fits = text.len() >= 19
            && text.len() <= shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, model)| match model {
                b'0' => byte.is_ascii_digit(),
                _ => byte == model,
            });
        if fits { Ok(text) } else { Err(format!("{}: {name}=\"{text}\" is not a time", self.place)) }
    }
}

/// Calls `each` for every row of `folder/name`, with the share of the file that has been read.
pub fn rows(
    folder: &Path,
    name: &str,
    mut each: impl FnMut(Row, f64) -> Result<(), String>,
) -> Result<(), String> {
    let path = folder.join(name);
    let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let size = file.metadata().map_or(1, |metadata| metadata.len().max(1));
    let lines = Lines { inner: BufReader::with_capacity(1 << 16, file), line: 1, bytes: 0 };
    let mut reader = Reader::from_reader(lines);
    let mut buffer = Vec::new();
    let mut open = 0usize;
    let mut roots = 0usize;
    loop {
        buffer.clear();
        let event = reader.read_event_into(&mut buffer);
        let line = reader.get_ref().line;
        let here = || format!("{name}, line {line}");
        match event.map_err(|error| format!("{}: {error}", here()))? {
            Event::Empty(element) | Event::Start(element) if element.name().as_ref() == b"row" => {
                let read = reader.get_ref().bytes as f64 / size as f64;
                each(row(&element, here())?, read)?;
            }
            Event::Start(_) => {
                open += 1;
                roots += 1;
            }
            Event::End(element) if element.name().as_ref() != b"row" => open -= 1,
            Event::Eof if open > 0 => return Err(format!("{}: the file ends too early", here())),
            Event::Eof if roots == 0 => return Err(format!("{}: there are no rows in it", here())),
            Event::Eof => return Ok(()),
            _ => {}
        }
    }
}

fn row(element: &BytesStart, place: String) -> Result<Row, String> {
    let mut attributes = HashMap::new();
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| format!("{place}: {error}"))?;
        let name = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let value = attribute.unescape_value().map_err(|error| format!("{place}: {error}"))?;
        attributes.insert(name, value.into_owned());
    }
    Ok(Row { attributes, place })
}
