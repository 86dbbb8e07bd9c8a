"""What clients ask of the server, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trainyard import _plans
from trainyard._steps import Call
from trainyard.v1 import evaluation_pb2, training_pb2


@pytest.mark.parametrize(("outputs", "calls"), [(10, 3), (10_000, 7)])
def test_rows_are_predicted_in_calls_that_the_server_takes(outputs: int, calls: int) -> None:
    job = training_pb2.TrainingJob(name="users/me/jobs/j")
    job.network_spec.layers.add(units=outputs)
    asked: list[int] = []
    plan: Any = _plans.predict(job, np.zeros((2500, 3)), None, None)
    step = next(plan)
    with pytest.raises(StopIteration) as end:
        while True:
            assert isinstance(step, Call) and step.request.name == job.name
            asked.append(len(step.request.rows.rows))
            answer = evaluation_pb2.PredictResponse()
            for _ in step.request.rows.rows:
                answer.predictions.add()
            step = plan.send(answer)
    assert sum(asked) == len(end.value.value) == 2500
    assert len(asked) == calls and max(asked) <= min(1000, 4_000_000 // outputs)
