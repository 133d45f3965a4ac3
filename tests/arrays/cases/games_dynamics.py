"""Cases of `games`: first-order dynamics."""

import recipes
from arrays.array_case import ArrayCase
from prefcore import games

GIVEN = {"payoff": recipes.uniform(5, 1), "log_ref": recipes.ref_logits(5, 2), "init": recipes.ref_logits(5, 3)}
FIXED = {"beta": 0.2, "tol": None, "max_iter": 20}

CASES = {
    f"games.{function.__name__}": ArrayCase(
        function, others=GIVEN, params=FIXED | more, result="other", no_nan=("payoff", "log_ref", "init")
    )
    for function, more in (
        (games.extragradient, {}),
        (games.magnetic_mirror_descent, {}),
        (games.mirror_descent, {}),
        (games.mpo, {"step_size": 1.0, "refresh_every": 3}),
        (games.nash_md, {}),
        (games.omwu, {}),
    )
}
