//! A run with its judgements: each topic's documents, best first, as `trec_eval` ranks them.

use std::cmp::Ordering;

use super::{Bad, File, Span};
use crate::threads;

/// Work per row, about: a hash, a probe, a compare.
const WORK: usize = 16;

/// Ranked lists of the topics of both files, in the order of their names.
#[derive(Debug, Default, PartialEq)]
pub struct Joined {
    /// Names of the topics.
    pub topics: Vec<String>,
    /// Boundaries of their lists.
    pub offsets: Vec<i64>,
    /// Rows of the lists with a grade above 0.
    pub rows: Vec<i64>,
    /// Their grades.
    pub grades: Vec<f64>,
    /// Grades of all judgements of each topic, negative ones as 0, in the order of the file.
    pub judged: Vec<f64>,
    /// Boundaries of the judgements.
    pub judged_offsets: Vec<i64>,
    /// Topics of the run without judgements.
    pub left_out: usize,
    /// Lines of the run that do not count, in their order.
    pub bad_run: Vec<Bad>,
    /// Lines of the judgements that do not count.
    pub bad_qrels: Vec<Bad>,
}

/// Joins and ranks, on several threads. O(n), where the run comes in order, else O(n log n).
///
/// Scores are rounded to 32 bits, the largest first, equal ones by document, the largest name first; of a document that
/// comes twice in a topic the later line is bad. A document without a judgement has grade 0.
///
/// ```
/// use prefcore::trec::{File, Form, join};
/// let (mut run, mut qrels) = (File::new(Form::Run), File::new(Form::Qrels));
/// run.push(b"1 Q0 a 1 0.5 tag\n1 Q0 b 2 0.7 tag\n1 Q0 c 3 0.5 tag\n");
/// qrels.push(b"1 0 a 2\n1 0 d 1\n");
/// let joined = join(&run, &qrels);
/// assert_eq!((joined.offsets, joined.rows, joined.grades), (vec![0, 3], vec![2], vec![2.0]));
/// ```
#[must_use]
pub fn join(run: &File, qrels: &File) -> Joined {
    let jobs = jobs(run, qrels);
    let mut work = vec![0];
    work.extend(jobs.iter().scan(0, |sum, job| {
        *sum += WORK * (rows(job.run) + rows(job.qrels));
        Some(*sum)
    }));
    let before = |job: usize| work.get(job).copied().unwrap_or(0);
    let blocks = threads::split(jobs.len(), before);
    let results = threads::map(blocks, before(jobs.len()), |block| {
        let mut scratch = Scratch::default();
        let jobs = jobs.get(block).unwrap_or_default().iter();
        jobs.map(|job| scratch.ranked(run, qrels, job))
            .collect::<Vec<_>>()
    });
    let mut joined = Joined {
        offsets: vec![0],
        judged_offsets: vec![0],
        bad_run: run.bad.clone(),
        bad_qrels: qrels.bad.clone(),
        ..Joined::default()
    };
    jobs.iter()
        .zip(results.into_iter().flatten())
        .for_each(|(job, topic)| joined.add(job, topic));
    joined.bad_run.sort_by_key(|bad| bad.line);
    joined.bad_qrels.sort_by_key(|bad| bad.line);
    joined
}

/// A topic of one of the files, or of both.
struct Job<'a> {
    topic: &'a [u8],
    run: &'a [Span],
    qrels: &'a [Span],
}

/// By name.
fn jobs<'a>(run: &'a File, qrels: &'a File) -> Vec<Job<'a>> {
    let own = run.topics.keys();
    let other = qrels
        .topics
        .keys()
        .filter(|topic| !run.topics.contains_key(*topic));
    let spans = |file: &'a File, topic| {
        let spans = file
            .topics
            .get(topic)
            .and_then(|&number| file.spans.get(number));
        spans.map_or(&[][..], Vec::as_slice)
    };
    let job = |topic: &'a Vec<u8>| Job {
        topic,
        run: spans(run, topic),
        qrels: spans(qrels, topic),
    };
    let mut jobs: Vec<_> = own.chain(other).map(job).collect();
    jobs.sort_unstable_by_key(|job| job.topic);
    jobs
}

fn rows(spans: &[Span]) -> usize {
    spans.iter().map(|span| span.end - span.start).sum()
}

impl Joined {
    fn add(&mut self, job: &Job<'_>, topic: Topic) {
        self.bad_run.extend(topic.run_twice);
        self.bad_qrels.extend(topic.qrels_twice);
        if job.run.is_empty() || job.qrels.is_empty() {
            self.left_out += usize::from(job.qrels.is_empty());
            return;
        }
        let start = self.offsets.last().copied().unwrap_or(0);
        self.topics
            .push(String::from_utf8_lossy(job.topic).into_owned());
        self.rows
            .extend(topic.hits.iter().map(|&(place, _)| start + to_i64(place)));
        self.grades
            .extend(topic.hits.iter().map(|&(_, grade)| grade));
        self.offsets.push(start + to_i64(topic.rows));
        self.judged.extend(topic.judged);
        self.judged_offsets.push(to_i64(self.judged.len()));
    }
}

/// The list of a topic.
struct Topic {
    rows: usize,
    /// Places from 0, and grades above 0.
    hits: Vec<(usize, f64)>,
    judged: Vec<f64>,
    run_twice: Vec<Bad>,
    qrels_twice: Vec<Bad>,
}

/// Memory for one topic after the other.
#[derive(Default)]
struct Scratch<'a> {
    names: Names<'a>,
    /// Judgement of each document of `names`, 0 where it has none.
    grades: Vec<f64>,
    /// Score and document.
    ranked: Vec<(f32, usize)>,
    /// Whether the run has named a document that is judged.
    seen: Vec<bool>,
}

impl<'a> Scratch<'a> {
    fn ranked(&mut self, run: &'a File, qrels: &'a File, job: &Job<'_>) -> Topic {
        self.names.clear(rows(job.run) + rows(job.qrels));
        self.grades.clear();
        let qrels_twice = self.judge(qrels, job);
        let judged = self.grades.clone();
        let run_twice = self.score(run, job);
        Topic {
            rows: self.ranked.len(),
            hits: self.hits(),
            judged,
            run_twice,
            qrels_twice,
        }
    }

    fn judge(&mut self, qrels: &'a File, job: &Job<'_>) -> Vec<Bad> {
        let mut twice = Vec::new();
        each(qrels, job.qrels, |name, grade, line| {
            if self.names.number(name) == self.grades.len() {
                self.grades.push(grade.max(0.0));
            } else {
                twice.push(comes_twice(name, job.topic, line));
            }
        });
        twice
    }

    fn score(&mut self, run: &'a File, job: &Job<'_>) -> Vec<Bad> {
        let (mut twice, mut next) = (Vec::new(), self.grades.len());
        self.ranked.clear();
        self.seen.clear();
        self.seen.resize(next, false);
        each(run, job.run, |name, score, line| {
            let number = self.names.number(name);
            let again = self
                .seen
                .get_mut(number)
                .map(|seen| std::mem::replace(seen, true));
            if again.unwrap_or(number < next) {
                twice.push(comes_twice(name, job.topic, line));
                return;
            }
            next = next.max(number + 1);
            #[allow(clippy::cast_possible_truncation)] // as trec_eval has it
            self.ranked.push((score as f32, number));
        });
        twice
    }

    fn hits(&mut self) -> Vec<(usize, f64)> {
        let falling =
            |a: &(f32, usize), b: &(f32, usize)| b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal);
        if !self.ranked.is_sorted_by(|a, b| falling(a, b).is_le()) {
            self.ranked.sort_unstable_by(falling);
        }
        let names = &self.names;
        for tied in self.ranked.chunk_by_mut(|a, b| falling(a, b).is_eq()) {
            if tied.len() > 1 {
                tied.sort_unstable_by(|a, b| names.get(b.1).cmp(names.get(a.1)));
            }
        }
        let graded = self
            .ranked
            .iter()
            .enumerate()
            .filter_map(|(place, &(_, number))| {
                let grade = self.grades.get(number).copied().unwrap_or(0.0);
                (grade > 0.0).then_some((place, grade))
            });
        graded.collect()
    }
}

/// Hands over document, number and line of every row.
fn each<'a>(file: &'a File, spans: &[Span], mut take: impl FnMut(&'a [u8], f64, usize)) {
    for span in spans {
        let Some(piece) = file.pieces.get(span.piece) else {
            continue;
        };
        let values = piece.values.get(span.start..span.end).unwrap_or_default();
        for ((row, &value), line) in (span.start..).zip(values).zip(span.line..) {
            take(piece.name(row), value, line);
        }
    }
}

fn comes_twice(document: &[u8], topic: &[u8], line: usize) -> Bad {
    let [document, topic] =
        [document, topic].map(|name| String::from_utf8_lossy(name).escape_debug().to_string());
    Bad {
        line,
        reason: format!("document '{document}' of topic '{topic}' comes twice"),
        text: None,
    }
}

/// Numbers of names in order of first appearance: a table with open addressing, at most half full.
#[derive(Default)]
struct Names<'a> {
    names: Vec<&'a [u8]>,
    /// Upper half of a hash, and number + 1; 0 is free.
    slots: Vec<(u32, u32)>,
}

impl<'a> Names<'a> {
    /// Forgets all, and makes room for so many.
    fn clear(&mut self, most: usize) {
        self.names.clear();
        self.slots.clear();
        self.slots
            .resize((2 * most + 1).next_power_of_two(), (0, 0));
    }

    fn get(&self, number: usize) -> &'a [u8] {
        self.names.get(number).copied().unwrap_or_default()
    }

    #[allow(clippy::cast_possible_truncation)] // of the hash its halves; numbers are below 2^32, as memory is
    fn number(&mut self, name: &'a [u8]) -> usize {
        let hash = hash(name);
        let (tag, mask) = ((hash >> 32) as u32, self.slots.len() - 1);
        let mut place = hash as usize & mask;
        loop {
            match self.slots.get_mut(place) {
                Some(&mut (own, number)) if number > 0 => {
                    let number = number as usize - 1;
                    if own == tag && self.get(number) == name {
                        return number;
                    }
                }
                Some(free) => {
                    let number = self.names.len();
                    *free = (tag, number as u32 + 1);
                    self.names.push(name);
                    return number;
                }
                None => return self.names.len(), // the mask keeps places inside
            }
            place = (place + 1) & mask;
        }
    }
}

/// A quick hash for keys that nobody chooses to collide on purpose.
fn hash(name: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
    let (words, rest) = name.as_chunks::<8>();
    let rest = rest.iter().fold(name.len() as u64, |word, &byte| {
        (word << 8) | u64::from(byte)
    });
    let words = words.iter().map(|&word| u64::from_le_bytes(word));
    let sum = words.fold(rest.wrapping_mul(FACTOR), |sum, word| {
        (sum.rotate_left(25) ^ word).wrapping_mul(FACTOR)
    });
    sum ^ (sum >> 29)
}

/// Lengths of slices fit: they are at most `isize::MAX`.
#[allow(clippy::cast_possible_wrap)]
fn to_i64(length: usize) -> i64 {
    length as i64
}
