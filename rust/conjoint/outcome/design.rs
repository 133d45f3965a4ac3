//! The design matrix of tasks of one or two profiles, made once for all passes.

use super::answers::{Answers, Form, Reader};
use super::columns::Columns;
use crate::conjoint::gram::{TILE, stride};
use crate::error::Result;
use crate::ragged;

/// Rows left − right, whose numbers are -1, 0 and 1: an eighth of the memory of doubles.
#[derive(Debug)]
pub struct Design {
    stride: usize,
    /// [T, stride], of which the columns from P on do not count; none of choices of more than two profiles.
    cells: Vec<i8>,
}

impl Design {
    /// Of all tasks. O(T (D + pairs)), on several threads
    ///
    /// # Errors
    /// None: there is a place for each row.
    pub fn new(answers: Answers<'_>, columns: &Columns, form: Form) -> Result<Self> {
        let (stride, tasks) = (stride(columns.count()), answers.tasks());
        if form == Form::Choice {
            let cells = Vec::new();
            return Ok(Self { stride, cells });
        }
        let mut cells = vec![0; tasks * stride];
        let starts = (0..tasks).step_by(TILE).chain([tasks]);
        let bounds: Vec<usize> = starts.map(|task| task * stride).collect();
        ragged::fill(
            &bounds,
            |n| n,
            &mut cells,
            |(): &mut (), own, out| {
                let mut reader = Reader::new(answers, columns);
                for (row, task) in out.chunks_exact_mut(stride).zip(own.start / stride..) {
                    reader.add(task, row);
                }
                Ok(())
            },
        )?;
        Ok(Self { stride, cells })
    }

    /// Row of a task.
    #[must_use]
    #[inline]
    pub fn row(&self, task: usize) -> &[i8] {
        let row = self.cells.get(task * self.stride..(task + 1) * self.stride);
        row.unwrap_or_default()
    }
}
