//! Runs and judgements in TREC's format, from bytes to ranked lists.

mod join;
mod lines;

pub use join::{Joined, join};
pub use lines::{Bad, Form};

use std::collections::HashMap;
use std::mem::take;

use lines::{LONGEST, Piece};

use crate::threads;

/// Parts of a block per thread: enough that an uneven one does not leave the others idle.
const PARTS_PER_THREAD: usize = 4;

/// Rows of one topic that follow one another.
#[derive(Debug, Clone, Copy)]
struct Span {
    piece: usize,
    /// Rows of the piece.
    start: usize,
    end: usize,
    /// Number of the line of the first one, from 1.
    line: usize,
}

/// What a file holds, block after block: topics, documents and numbers.
#[derive(Debug)]
pub struct File {
    form: Form,
    pieces: Vec<Piece>,
    topics: HashMap<Vec<u8>, usize>,
    /// Rows of each topic.
    spans: Vec<Vec<Span>>,
    bad: Vec<Bad>,
    /// The beginning of a line whose end has not come.
    rest: Vec<u8>,
    lines: usize,
    read: usize,
}

impl File {
    /// An empty one.
    #[must_use]
    pub fn new(form: Form) -> Self {
        Self {
            form,
            pieces: Vec::new(),
            topics: HashMap::new(),
            spans: Vec::new(),
            bad: Vec::new(),
            rest: Vec::new(),
            lines: 0,
            read: 0,
        }
    }

    /// What its lines are.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Lines so far that are not empty.
    #[must_use]
    pub fn read(&self) -> usize {
        self.read
    }

    /// Lines so far that cannot be read; documents that come twice are found by [`join`].
    #[must_use]
    pub fn bad(&self) -> &[Bad] {
        &self.bad
    }

    /// Reads the next bytes of the file, on several threads. O(bytes).
    pub fn push(&mut self, block: &[u8]) {
        let end = |block: &[u8]| {
            block
                .iter()
                .position(|&byte| byte == b'\n')
                .map(|end| end + 1)
        };
        let (first, block) = block.split_at(end(block).unwrap_or(block.len()));
        let room = LONGEST - self.rest.len();
        self.rest
            .extend_from_slice(first.get(..room).unwrap_or(first));
        if !first.ends_with(b"\n") {
            return;
        }
        self.finish();
        let whole = block
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1);
        let (whole, rest) = block.split_at(whole);
        self.rest
            .extend_from_slice(rest.get(..LONGEST).unwrap_or(rest));
        let form = self.form;
        let pieces = threads::map(parts(whole), whole.len(), |part| {
            Piece::new(part, form, false)
        });
        pieces.into_iter().for_each(|piece| self.add(piece));
    }

    /// Reads the last line, which may lack an end.
    pub fn finish(&mut self) {
        let rest = take(&mut self.rest);
        if !rest.is_empty() {
            self.add(Piece::new(&rest, self.form, self.lines == 0));
        }
    }

    fn add(&mut self, mut piece: Piece) {
        let numbers: Vec<usize> = take(&mut piece.topics)
            .into_iter()
            .map(|topic| self.number(topic))
            .collect();
        let stretches = take(&mut piece.stretches);
        let starts = stretches.iter().skip(1).map(|next| next.start);
        let ends = starts.chain([piece.values.len()]);
        for (stretch, end) in stretches.iter().zip(ends) {
            let spans = numbers
                .get(stretch.topic)
                .and_then(|&number| self.spans.get_mut(number));
            spans.into_iter().for_each(|spans| {
                spans.push(Span {
                    piece: self.pieces.len(),
                    start: stretch.start,
                    end,
                    line: self.lines + stretch.line,
                });
            });
        }
        for bad in take(&mut piece.bad) {
            let line = self.lines + bad.line;
            self.bad.push(Bad { line, ..bad });
        }
        self.lines += piece.lines;
        self.read += piece.read;
        self.pieces.push(piece);
    }

    fn number(&mut self, topic: Vec<u8>) -> usize {
        let next = self.spans.len();
        let number = *self.topics.entry(topic).or_insert(next);
        if number == next {
            self.spans.push(Vec::new());
        }
        number
    }
}

/// Whole lines, in parts of about equal length.
fn parts(mut text: &[u8]) -> Vec<&[u8]> {
    let length = text.len() / (threads::num_threads() * PARTS_PER_THREAD) + 1;
    let mut parts = Vec::new();
    while !text.is_empty() {
        let rest = text.get(length..).unwrap_or_default();
        let end = rest.iter().position(|&byte| byte == b'\n');
        let (part, after) = text.split_at(end.map_or(text.len(), |end| length + end + 1));
        parts.push(part);
        text = after;
    }
    parts
}
