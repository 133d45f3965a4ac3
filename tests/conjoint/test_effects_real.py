"""Effects on two published surveys, and the field report on a blank label."""

import numpy as np
import pytest
import statsmodels.api as sm

import surveys
from prefcore.conjoint import ConjointData, amce, marginal_means

#: as printed in the README of leeper/cregg, `amce()` on the tax plans: estimate and error, factor by factor
CREGG = {
    "<10k: 5%": (-0.0139987267, 0.008367718),
    "<10k: 15%": (-0.0897702241, 0.009883554),
    "<10k: 25%": (-0.2215066470, 0.012497932),
    "10-35k: 15%": (-0.0161677383, 0.010015769),
    "10-35k: 25%": (-0.0849079259, 0.015824370),
    "10-35k: 35%": (-0.1868125806, 0.021074682),
    "35-85k: 15%": (0.0005356495, 0.008242105),
    "35-85k: 25%": (-0.0533364485, 0.009713809),
    "35-85k: 35%": (-0.1083416179, 0.011917151),
    "85-175k: 15%": (0.0194226595, 0.007719126),
    "85-175k: 25%": (0.0108897506, 0.008078966),
    "85-175k: 35%": (-0.0015463277, 0.008431674),
}

#: and on immigrants, in an older README: the restrictions are ignored
CREGG_IMMIGRATION = {
    "Male": (-0.024978435, 0.007983009),
    "4th Grade": (0.033367996, 0.014971357),
    "8th Grade": (0.057600734, 0.015021063),
    "High School": (0.119492095, 0.015118761),
    "Two-Year College": (0.154588453, 0.015840268),
    "College Degree": (0.180948898, 0.016183493),
    "Graduate Degree": (0.169440741, 0.015809304),
    "Broken English": (-0.056822717, 0.011265303),
    "Tried English but Unable": (-0.127357585, 0.011321142),
    "Used Interpreter": (-0.159808492, 0.011553933),
    "Germany": (0.047646243, 0.016667948),
    "France": (0.026564521, 0.017327948),
    "Mexico": (0.009818758, 0.017530373),
    "Philippines": (0.034102011, 0.017412416),
    "Poland": (0.032666819, 0.017640451),
    "China": (-0.020128816, 0.017843819),
}


def test_published_effects_of_immigrants() -> None:
    table = amce(surveys.immigration(), vcov="survey")
    assert (table.n_rows, table.n_clusters) == (13_960, 1_396)
    for level, (estimate, error) in CREGG_IMMIGRATION.items():
        row = table.level.index(level)
        assert table.estimate[row] == pytest.approx(estimate, abs=1e-8)
        assert table.std_error[row] == pytest.approx(error, abs=1e-8)


def test_published_effects_of_tax_plans() -> None:
    table = amce(surveys.taxes(), vcov="survey")
    assert (table.n_rows, table.n_clusters) == (32_000, 2_000)
    for level, (estimate, error) in CREGG.items():
        row = table.level.index(level)
        assert table.estimate[row] == pytest.approx(estimate, abs=1e-8)
        assert table.std_error[row] == pytest.approx(error, abs=1e-8)


def test_effects_of_immigrants_with_restrictions() -> None:
    """Education with Job and CountryOfOrigin with ReasonForApplication: dummies by hand, errors by the delta method."""
    data = surveys.immigration(restricted=True)
    table = amce(data)
    design = data.design
    names = {factor: d for d, factor in enumerate(design.factors)}
    education, job = names["Education"], names["Job"]
    country, reason = names["CountryOfOrigin"], names["ReasonForApplication"]
    columns: list[dict[int, int]] = [{}]
    columns += [{d: level} for d, levels in enumerate(design.levels) for level in range(1, len(levels))]
    gone = {(a, x, b, y) for a, x, b, y in design.restrictions}
    for one, other in ((education, job), (country, reason)):
        low, high = min(one, other), max(one, other)
        for x in range(1, len(design.levels[low])):
            for y in range(1, len(design.levels[high])):
                if (low, x, high, y) not in gone:
                    columns.append({low: x, high: y})
    x = np.column_stack(
        [np.all([data.profiles[:, d] == v for d, v in c.items()] or [np.ones(13_960)], axis=0) for c in columns]
    ).astype(float)
    kept = _independent(x)
    who = np.repeat(data.respondents, np.diff(data.offsets))
    fit = sm.OLS(data.outcomes, x[:, kept]).fit(cov_type="cluster", cov_kwds={"groups": who})
    assert len(kept) == (7 * 11 - 16) + (10 * 3 - 6) - 1 + (1 + 3 + 3 + 3 + 4)  # allowed cells, levels of the others

    def at(profile: dict[int, int]) -> np.ndarray:
        return np.array([all(profile.get(d, 0) == v for d, v in columns[k].items()) for k in kept], dtype=float)

    def effect(d: int, level: int, partner: int) -> np.ndarray:
        both = [
            m
            for m in range(len(design.levels[partner]))
            if not any(
                (min(d, partner), *pair) in {(a, p, b, q) for a, p, b, q in gone}
                for v in (level, 0)
                for pair in [(v, partner, m) if d < partner else (m, d, v)]
            )
        ]
        return np.mean([at({d: level, partner: m}) - at({partner: m}) for m in both], axis=0)

    partners = {education: job, job: education, country: reason, reason: country}
    for row, (factor, level) in enumerate(zip(table.factor, table.level, strict=True)):
        d = names[factor]
        number = design.level(factor, level)
        weights = effect(d, number, partners[d]) if d in partners else at({d: number}) - at({})
        assert table.estimate[row] == pytest.approx(weights @ fit.params, rel=1e-8, abs=1e-11)
        assert table.std_error[row] == pytest.approx(np.sqrt(weights @ fit.cov_params() @ weights), rel=1e-8)
    plain = amce(surveys.immigration())
    doctor = table.level.index("Doctor")
    assert abs(table.estimate[doctor] - plain.estimate[doctor]) > 1e-3


def _independent(x: np.ndarray) -> list[int]:
    """Columns that do not depend on those before them."""
    rest = np.abs(np.diag(np.linalg.qr(x, mode="r")))
    return np.flatnonzero(rest > 1e-8 * np.linalg.norm(x, axis=0)).tolist()


CJ_05 = [
    *(("a", "red", 1), ("b", "red", 0), ("", "red", 1), ("a", "blue", 0), ("b", "blue", 1), ("", "blue", 0)),
    *(("a", "red", 1), ("b", "red", 1), ("", "red", 0), ("a", "blue", 1), ("b", "blue", 1), ("", "blue", 0)),
    *(("b", "red", 0), ("a", "blue", 0)),
]  # fmt: skip


def test_a_blank_label_shifts_no_group() -> None:
    """CJ-05: marginal means by group, of which one has the empty string as its name; 14 rows without pairs."""
    group, color, outcome = zip(*CJ_05, strict=True)
    frame = {"group": list(group), "color": list(color), "outcome": list(outcome), "row": list(range(14))}
    data = ConjointData.from_frame(frame, factors=["color"], outcome="outcome", respondent="row", group="group")
    tables = {label: marginal_means(part) for label, part in data.by_group().items()}
    found = {label: dict(zip(table.level, table.estimate, strict=True)) for label, table in tables.items()}
    want = {
        "a": {"red": 1.0, "blue": 1 / 3},
        "b": {"red": 1 / 3, "blue": 1.0},
        "": {"red": 0.5, "blue": 0.0},
    }
    assert found.keys() == want.keys()
    for label, means in want.items():
        assert found[label] == pytest.approx(means, abs=1e-14)
