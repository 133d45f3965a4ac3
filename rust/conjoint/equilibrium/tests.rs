//! The same game given by scores and by the payoffs of all pairs of profiles.

use super::{Certificate, Contest, Entrants, Equilibrium, equilibrium};
use crate::Result;
use crate::conjoint::Layout;
use crate::conjoint::expectation::{Electorate, Link, Scores, Voters};
use crate::conjoint::policy::Penalty;
use crate::status::Status;

const SCORES: [[f64; 7]; 2] = [
    [0.0, 1.2, 0.0, -0.8, 0.5, 0.0, 0.9],
    [0.0, -0.7, 0.0, 0.6, 1.1, 0.0, -0.4],
];
const SHARES: [f64; 2] = [0.45, 0.55];
const SLATES: [&[f64]; 2] = [
    &[0.3, 0.7, 0.2, 0.3, 0.5, 0.6, 0.4],
    &[0.5, 0.5, 0.4, 0.4, 0.2, 0.1, 0.9],
];

fn layout() -> Layout {
    Layout::new(&[2, 3, 2])
}

fn scores(main: &[f64]) -> Scores {
    Scores {
        layout: layout(),
        main: main.to_vec(),
        inter: Vec::new(),
    }
}

fn electorate() -> Result<Electorate> {
    let groups = SCORES.iter().zip(SHARES).map(|(main, share)| {
        let voters = Voters::new(scores(main), 0.3 * share, true, Link::Logit, true)?;
        Ok((share, voters))
    });
    Ok(Electorate::new(layout(), groups.collect::<Result<_>>()?))
}

/// Q of each pair of profiles.
fn matrix() -> Vec<f64> {
    let tables: Vec<Vec<f64>> = SCORES.iter().map(|main| scores(main).table()).collect();
    let n = tables.first().map_or(0, Vec::len);
    let mut payoffs = vec![0.0; n * n];
    for (table, share) in tables.iter().zip(SHARES) {
        for (row, s) in payoffs.chunks_exact_mut(n).zip(table) {
            for (cell, t) in row.iter_mut().zip(table) {
                *cell += share / (1.0 + (t - s - 0.3 * share).exp());
            }
        }
    }
    payoffs
}

fn solved(contest: &Contest<'_>) -> Equilibrium {
    equilibrium(contest, vec![0.0; 14], 1e-12, 1000)
}

#[test]
fn scores_and_payoffs_of_pairs_have_one_equilibrium() -> Result<()> {
    let (voters, matrix) = (electorate()?, matrix());
    let entrants = Entrants::new(layout(), &matrix);
    for penalty in [Penalty::Kl, Penalty::ReverseKl, Penalty::L2] {
        let betas: [&[f64]; 2] = [&[0.1, 0.2, 0.1], &[0.05, 0.1, 0.1]];
        let one = Contest::new(&voters, SLATES, betas, penalty);
        let other = Contest::new(&entrants, SLATES, betas, penalty);
        let (end, again) = (solved(&one), solved(&other));
        assert_eq!(end.status, Status::Converged);
        assert!((end.point.value - again.point.value).abs() < 1e-14);
        for (x, y) in end.point.policy.iter().zip(&again.point.policy) {
            assert!((x - y).abs() < 1e-12, "{penalty:?} {x} {y}");
        }
        let (proof, same) = (
            Certificate::new(&one, &end.point),
            Certificate::new(&other, &again.point),
        );
        for (x, y) in proof.pure_gains.iter().zip(same.pure_gains) {
            assert!((x - y).abs() < 1e-13 && *x >= 0.0);
        }
        assert!(proof.gap >= end.point.gap && end.point.gap <= 1e-12);
    }
    Ok(())
}

#[test]
fn policies_are_the_best_answers_to_their_duals() -> Result<()> {
    let voters = electorate()?;
    let betas: [&[f64]; 2] = [&[0.1, 0.2, 0.1], &[0.05, 0.1, 0.1]];
    for penalty in [Penalty::Kl, Penalty::ReverseKl, Penalty::L2] {
        let contest = Contest::new(&voters, SLATES, betas, penalty);
        let policy = SLATES.concat();
        let back = contest.respond(&contest.duals(&policy));
        assert!(back.iter().zip(&policy).all(|(x, y)| (x - y).abs() < 1e-13));
    }
    Ok(())
}
