//! Everything against sums over all pairs of profiles, and derivatives against differences.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use super::{
    Electorate, Interaction, Link, Payoff, Scores, Voters, parameter_slopes, value_and_slopes,
};
use crate::conjoint::Layout;
use crate::random::Draws;

const LEVELS: [usize; 3] = [3, 1, 4];

fn uniform(draws: &mut Draws) -> f64 {
    f64::from(u32::try_from(draws.below(1 << 30)).unwrap()) / f64::from(1 << 30)
}

fn policy(draws: &mut Draws) -> Vec<f64> {
    let mut all = Vec::new();
    for n in LEVELS {
        let own: Vec<f64> = (0..n).map(|_| uniform(draws)).collect();
        let total: f64 = own.iter().sum();
        all.extend(own.iter().map(|p| p / total));
    }
    all
}

fn scores(draws: &mut Draws, interact: bool) -> Scores {
    let main = (0..8).map(|_| 2.0 * uniform(draws) - 1.0).collect();
    let mut table = |n: usize| (0..n).map(|_| uniform(draws)).collect();
    let inter = vec![
        Interaction {
            factors: (0, 2),
            table: table(12),
        },
        Interaction {
            factors: (1, 2),
            table: table(4),
        },
    ];
    Scores {
        layout: Layout::new(&LEVELS),
        main,
        inter: if interact { inter } else { Vec::new() },
    }
}

fn naive(scores: &Scores, c: f64, link: Link, own: &[f64], other: &[f64]) -> f64 {
    let profiles: Vec<[usize; 3]> = (0..12).map(|t| [t / 4, 3, 4 + t % 4]).collect();
    let score = |t: &[usize; 3]| {
        let main: f64 = t.iter().map(|&l| scores.main[l]).sum();
        scores.inter.iter().fold(main, |sum, inter| {
            let (d, e) = inter.factors;
            let (row, column) = (t[d] - [0, 3, 4][d], t[e] - [0, 3, 4][e]);
            sum + inter.table[row * LEVELS[e] + column]
        })
    };
    let mut sum = 0.0;
    for t in &profiles {
        for u in &profiles {
            let x = c + score(t) - score(u);
            let p: f64 = t.iter().map(|&l| own[l]).product::<f64>();
            let q: f64 = u.iter().map(|&l| other[l]).product();
            let y = if link == Link::Logit {
                1.0 / (1.0 + (-x).exp())
            } else {
                x
            };
            sum += p * q * y;
        }
    }
    sum
}

fn close(got: f64, want: f64, tol: f64) {
    assert!((got - want).abs() <= tol, "{got} {want}");
}

#[test]
fn values_slopes_and_curvature_are_those_of_sums_over_all_pairs() {
    let mut draws = Draws::new(3);
    for (interact, link) in [
        (false, Link::Logit),
        (true, Link::Logit),
        (false, Link::Identity),
        (true, Link::Identity),
    ] {
        let scores = scores(&mut draws, interact);
        let (own, other) = (policy(&mut draws), policy(&mut draws));
        let voters = Voters::new(scores.clone(), 0.3, true, link, true).unwrap();
        let game = Electorate::new(
            scores.layout.clone(),
            vec![(0.5, voters.clone()), (0.5, voters)],
        );
        let q = |own: &[f64], other: &[f64]| naive(&scores, 0.3, link, own, other);
        let party = Payoff::against(&game, &other);
        let (value, slopes) = value_and_slopes(party.as_ref(), &scores.layout, &own);
        close(value, q(&own, &other), 1e-14);
        let facing = game.facing(&own);
        let (again, theirs) = value_and_slopes(facing.as_ref(), &scores.layout, &other);
        close(again, value, 1e-14);
        let (mut bent, mut cross) = (vec![0.0; 64], vec![0.0; 64]);
        party.add_curvature(&own, 1.0, &mut bent);
        game.add_cross(&own, &other, 1.0, &mut cross);
        let factor = [0, 0, 0, 1, 2, 2, 2, 2];
        let fixed = |policy: &[f64], l: usize| -> Vec<f64> {
            (0..8)
                .map(|k| {
                    if factor[k] == factor[l] {
                        f64::from(k == l)
                    } else {
                        policy[k]
                    }
                })
                .collect()
        };
        for l in 0..8 {
            close(slopes[l], q(&fixed(&own, l), &other), 1e-14);
            close(theirs[l], q(&own, &fixed(&other, l)), 1e-14);
            for m in 0..8 {
                close(
                    cross[l * 8 + m],
                    q(&fixed(&own, l), &fixed(&other, m)),
                    1e-14,
                );
                let want = if factor[l] == factor[m] {
                    0.0
                } else {
                    q(&fixed(&fixed(&own, l), m), &other)
                };
                close(bent[l * 8 + m], want, 1e-14);
            }
        }
    }
}

#[test]
fn derivatives_by_parameters_are_those_of_differences() {
    let mut draws = Draws::new(9);
    for (interact, link) in [
        (false, Link::Logit),
        (true, Link::Logit),
        (true, Link::Identity),
    ] {
        let (own, other) = (policy(&mut draws), policy(&mut draws));
        let base = scores(&mut draws, interact);
        let at = |place: usize, step: f64| {
            let (mut scores, mut c) = (base.clone(), 0.2);
            let free = [1, 2, 5, 6, 7];
            match place {
                0 => c += step,
                1..=5 => scores.main[free[place - 1]] += step,
                _ => {
                    let cell = place - 6;
                    scores.inter[0].table[(cell / 3 + 1) * 4 + cell % 3 + 1] += step;
                }
            }
            Voters::new(scores, c, true, link, true).unwrap()
        };
        let found = parameter_slopes(&at(0, 0.0), &own, Some(&other));
        assert_eq!(found.count, if interact { 12 } else { 6 });
        for place in 0..found.count {
            let step = 1e-5;
            let both = [at(place, step), at(place, -step)].map(|voters| {
                let layout = voters.scores().layout.clone();
                let own_side =
                    value_and_slopes(voters.against(Some(&other)).as_ref(), &layout, &own);
                (
                    own_side,
                    value_and_slopes(voters.facing(&own).as_ref(), &layout, &other).1,
                )
            });
            let slope = |x: f64, y: f64| (x - y) / (2.0 * step);
            close(found.value[place], slope(both[0].0.0, both[1].0.0), 1e-9);
            for l in 0..8 {
                let cell = l * found.count + place;
                close(found.own[cell], slope(both[0].0.1[l], both[1].0.1[l]), 1e-9);
                close(found.other[cell], slope(both[0].1[l], both[1].1[l]), 1e-9);
            }
        }
    }
}

#[test]
fn a_profile_alone_has_no_opponent() {
    let mut draws = Draws::new(5);
    let (base, own) = (scores(&mut draws, true), policy(&mut draws));
    let layout = base.layout.clone();
    let voters = Voters::new(base.clone(), 0.3, true, Link::Logit, false).unwrap();
    let mut alone = base.clone();
    alone.main.iter_mut().for_each(|x| *x = 0.0);
    alone.inter.clear();
    let (value, _) = value_and_slopes(voters.against(None).as_ref(), &layout, &own);
    let want: f64 = base
        .table()
        .iter()
        .zip(super::joint(&layout, &own))
        .map(|(s, p)| p / (1.0 + (-0.3 - s).exp()))
        .sum();
    close(value, want, 1e-14);
    let slopes = parameter_slopes(&voters, &own, None);
    assert!(slopes.other.is_empty());
}
