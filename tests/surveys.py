"""Real data of surveys, from ../shared/data or PREFCORE_DATA; a test that asks for them is skipped where absent."""

import csv
import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefcore import conjoint

TAXES = {
    "taxrate1": [f"<10k: {rate}%" for rate in (0, 5, 15, 25)],
    "taxrate2": [f"10-35k: {rate}%" for rate in (5, 15, 25, 35)],
    "taxrate3": [f"35-85k: {rate}%" for rate in (5, 15, 25, 35)],
    "taxrate4": [f"85-175k: {rate}%" for rate in (5, 15, 25, 35)],
    "taxrate5": [f"175-375k: {rate}%" for rate in (5, 15, 25, 35, 45)],
    "taxrate6": [f">375k: {rate}%" for rate in (5, 15, 25, 35, 45, 55)],
    "taxrev": ["<75%", "75-95%", "95-105%", "105-125%", ">125%"],
}
IMMIGRATION = {
    "Gender": ["Female", "Male"],
    "Education": [
        "No Formal",
        "4th Grade",
        "8th Grade",
        "High School",
        "Two-Year College",
        "College Degree",
        "Graduate Degree",
    ],
    "LanguageSkills": ["Fluent English", "Broken English", "Tried English but Unable", "Used Interpreter"],
    "CountryOfOrigin": [
        "India",
        "Germany",
        "France",
        "Mexico",
        "Philippines",
        "Poland",
        "China",
        "Sudan",
        "Somalia",
        "Iraq",
    ],
    "Job": [
        "Janitor",
        "Waiter",
        "Child Care Provider",
        "Gardener",
        "Financial Analyst",
        "Construction Worker",
        "Teacher",
        "Computer Programmer",
        "Nurse",
        "Research Scientist",
        "Doctor",
    ],
    "JobExperience": ["None", "1-2 Years", "3-5 Years", "5+ Years"],
    "JobPlans": [
        "Will Look for Work",
        "Contract with Employer",
        "Interviews with Employer",
        "No Plans to Look for Work",
    ],
    "ReasonForApplication": ["Reunite with Family", "Seek Better Job", "Escape Persecution"],
    "PriorEntry": [
        "Never",
        "Once as Tourist",
        "Many Times as Tourist",
        "Six Months with Family",
        "Once w/o Authorization",
    ],
}
#: a job that asks for a degree, without one; persecution in a country that does not persecute
RESTRICTIONS = [
    *(
        ("Education", education, "Job", job)
        for education in IMMIGRATION["Education"][:4]
        for job in ("Financial Analyst", "Computer Programmer", "Research Scientist", "Doctor")
    ),
    *(
        ("CountryOfOrigin", country, "ReasonForApplication", "Escape Persecution")
        for country in IMMIGRATION["CountryOfOrigin"][:6]
    ),
]


def read(name: str) -> dict[str, list[str]]:
    """Columns of a file, as they are written."""
    default = Path(__file__).parents[2] / "shared" / "data"
    file = Path(os.environ.get("PREFCORE_DATA", default)) / name
    if not file.exists():
        pytest.skip(f"{file} is not there")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    return {column: [row[column] for row in rows] for column in rows[0]}


def taxes() -> conjoint.ConjointData:
    """Ballard-Rosa, Martin and Scheve 2016: pairs of tax plans."""
    table = read("taxes.csv.gz")
    frame: dict[str, Any] = {factor: table[factor] for factor in TAXES}
    frame |= {"chosen": np.array(table["chose_plan"], dtype=float), "who": np.array(table["respondent"], dtype=int)}
    frame["party"] = [label or None for label in table["partyid"]]
    return conjoint.ConjointData.from_frame(
        frame,
        factors=list(TAXES),
        outcome="chosen",
        respondent="who",
        rows_per_task=2,
        group="party",
        design=conjoint.Design(TAXES),
    )


def immigration(*, restricted: bool = False) -> conjoint.ConjointData:
    """Hainmueller, Hopkins and Yamamoto 2014: pairs of immigrants."""
    table = read("immigration.csv.gz")
    frame: dict[str, Any] = {factor: table[factor] for factor in IMMIGRATION}
    frame["JobExperience"] = [label or "None" for label in table["JobExperience"]]
    frame |= {
        "chosen": np.array(table["ChosenImmigrant"], dtype=float),
        "who": np.array(table["respondent"], dtype=int),
    }
    frame["contest"] = np.array(table["contest_no"], dtype=int)
    return conjoint.ConjointData.from_frame(
        frame,
        factors=list(IMMIGRATION),
        outcome="chosen",
        respondent="who",
        task="contest",
        design=conjoint.Design(IMMIGRATION, restrictions=RESTRICTIONS if restricted else ()),
    )


def trains() -> tuple[Any, ...]:
    """Ben-Akiva et al. 1993, two journeys a set: attributes, boundaries, places chosen, travelers."""
    table = read("train_data.csv.gz")
    scale = {"price": 2.20371 / 100, "time": 1 / 60, "change": 1.0, "comfort": 1.0}
    sides = [
        np.column_stack([np.array(table[f"{name}{side}"], dtype=float) * unit for name, unit in scale.items()])
        for side in (1, 2)
    ]
    features = np.stack(sides, axis=1).reshape(-1, len(scale))
    chosen = np.array([int(choice == "choice2") for choice in table["choice"]])
    return features, 2 * np.arange(len(chosen) + 1), chosen, np.array(table["id"], dtype=int)


def electricity() -> tuple[Any, ...]:
    """Revelt and Train, four suppliers a set: attributes, boundaries, marks of the chosen rows, customers."""
    table = read("electricity.csv.gz")
    features = np.column_stack(
        [np.array(table[name], dtype=float) for name in ("pf", "cl", "loc", "wk", "tod", "seas")]
    )
    marks = np.array([int(mark == "TRUE") for mark in table["choice"]])
    return features, 4 * np.arange(len(marks) // 4 + 1), marks, np.array(table["id"], dtype=int)[::4]
