"""Training jobs, for asyncio."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from trainyard import _checkpoints, _plans
from trainyard._progress import progress_bar
from trainyard._watching import JobCursor
from trainyard.aio._session import AsyncSession
from trainyard.aio.resources import Evaluation
from trainyard.events import Event
from trainyard.history import History
from trainyard.job import JobView, Verification, compare
from trainyard.prediction import Predictions
from trainyard.v1 import evaluation_pb2, training_pb2

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from trainyard.options import TrainingOptions


class Job(JobView):
    """As trainyard.Job, whose methods say the rest; here what asks the server is awaited."""

    def __init__(self, session: AsyncSession, message: training_pb2.TrainingJob) -> None:
        super().__init__(message)
        self._session = session

    async def refresh(self) -> Job:
        """Looks at it again; returns itself."""
        self.message = await self._session.run(_plans.get_job(self.name))
        return self

    async def watch(self, after: int = 0) -> AsyncIterator[Event]:
        """Its events after a sequence: those that were, then live, until it has ended;
        each once, in order, across broken connections."""
        async for event in self._session.follow(JobCursor(self.name, after)):
            yield event

    async def wait(self, progress: Optional[bool] = None, check: bool = True) -> Job:
        """Waits until it has ended; returns itself. With `check` raises JobFailed unless it
        has SUCCEEDED."""
        with progress_bar(self.id, self.epochs, progress) as bar:
            cursor = JobCursor(self.name, 0, progress=bar.wants_progress)
            async for item in self._session.follow(cursor):
                bar.take(item)
        await self.refresh()
        if check:
            self._check_success()
        return self

    async def history(self) -> History:
        """The epochs that are done, as arrays."""
        return self._history(await self._session.run(_plans.epochs(self.name)))

    async def plot(self, ax: Any = None) -> Any:
        """Draws the mean cost against epochs; needs matplotlib."""
        return (await self.history()).plot(ax)

    async def pause(self) -> Job:
        """Has it leave its slot, with its state kept; waits until it has."""
        self.message = await self._session.run(_plans.pause(self.name))
        return self

    async def resume(self) -> Job:
        """Queues it again."""
        self.message = await self._session.run(_plans.change_job("Resume", self.name))
        return self

    async def cancel(self) -> Job:
        """Ends it; its weights so far are kept."""
        self.message = await self._session.run(_plans.change_job("Cancel", self.name))
        return self

    async def delete(self) -> None:
        """Deletes a job that has ended, with its events, weights and evaluations."""
        await self._session.run(_plans.delete("jobs", self.name))

    async def fork(
        self, epoch: Optional[int] = None, id: str = "", **options: Unpack[TrainingOptions]
    ) -> Job:
        """A new job that goes on from kept weights with something changed."""
        plan = _plans.fork(self.name, id, epoch, options)
        return Job(self._session, await self._session.run(plan))

    async def verify(self, id: str = "", keep: bool = False) -> Verification[Job]:
        """Trains again as recorded, and compares costs and weights to the bit."""
        again = Job(self._session, await self._session.run(_plans.train_again(self.name, id)))
        await again.wait(progress=False, check=False)
        await self.refresh()
        before = await self._session.run(_plans.epochs(self.name))
        after = await self._session.run(_plans.epochs(again.name))
        receipt = compare(self, again, before, after)
        if receipt and not keep:
            await again.delete()
        return receipt

    async def evaluate(self, dataset: Any, epoch: Optional[int] = None, id: str = "") -> Evaluation:
        """How well its weights do on a dataset, a name or a Dataset."""
        plan = _plans.evaluate(self.name, dataset, epoch, id)
        return Evaluation(self._session, await self._session.run(plan))

    async def evaluations(self) -> list[Evaluation]:
        """Its evaluations, oldest first."""
        request = evaluation_pb2.ListEvaluationsRequest(parent=self.name)
        plan = _plans.listed("evaluations.ListEvaluations", request, "evaluations")
        return [Evaluation(self._session, message) for message in await self._session.run(plan)]

    async def predict(
        self, rows: Any, dataset: Any = None, epoch: Optional[int] = None
    ) -> Predictions:
        """Runs raw rows (rows, features), or numbered rows of `dataset`, through it."""
        plan = _plans.predict(self.message, rows, dataset, epoch)
        return Predictions(await self._session.run(plan))

    async def weights(self, epoch: Optional[int] = None) -> dict[str, np.ndarray]:
        """W1, b1, W2, b2, ... of a kept epoch, by default the last."""
        return await self._session.run(_checkpoints.weights(self.name, epoch))

    async def export(
        self, path: Union[str, os.PathLike[str]], format: str = "", epoch: Optional[int] = None
    ) -> Path:
        """Saves its weights as a file; see trainyard.Job.export."""
        return await self._session.run(_checkpoints.export(self.name, path, format, epoch))
