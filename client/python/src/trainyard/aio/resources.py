"""What a server holds, for asyncio."""

from __future__ import annotations

from typing import Optional

import numpy as np

from trainyard import _plans, _requests
from trainyard.aio._session import AsyncSession
from trainyard.dataset import DatasetView
from trainyard.evaluation import EvaluationView
from trainyard.network import NetworkView
from trainyard.v1 import dataset_pb2, evaluation_pb2, network_pb2


class Dataset(DatasetView):
    """As trainyard.Dataset."""

    def __init__(self, session: AsyncSession, message: dataset_pb2.Dataset) -> None:
        super().__init__(message)
        self._session = session

    async def rows(
        self, start: int = 0, count: Optional[int] = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels or targets; see trainyard.Dataset.rows."""
        some = self.row_count - start if count is None else count
        return await self._session.run(_plans.rows_of(self.message, start, some))

    async def share(
        self,
        visibility: str = "class",
        *,
        show_confusion_matrix: bool = False,
        evaluations_per_day: int = 0,
    ) -> Dataset:
        """Says who may use it; see trainyard.Dataset.share."""
        plan = _requests.share_dataset(
            self.name, visibility, show_confusion_matrix, evaluations_per_day
        )
        self.message = await self._session.run(plan)
        return self

    async def unshare(self) -> Dataset:
        """Makes it private again; returns itself."""
        return await self.share("private")

    async def delete(self) -> None:
        """Deletes it; its name may be used again."""
        await self._session.run(_plans.delete("datasets", self.name))


class Network(NetworkView):
    """As trainyard.Network."""

    def __init__(self, session: AsyncSession, message: network_pb2.Network) -> None:
        super().__init__(message)
        self._session = session

    async def share(self, visibility: str = "class") -> Network:
        """Says who may use it, "class" or "private"; returns itself."""
        self.message = await self._session.run(_requests.share_network(self.name, visibility))
        return self

    async def unshare(self) -> Network:
        """Makes it private again; returns itself."""
        return await self.share("private")

    async def delete(self) -> None:
        """Deletes it; its name may be used again."""
        await self._session.run(_plans.delete("networks", self.name))


class Evaluation(EvaluationView):
    """As trainyard.Evaluation."""

    def __init__(self, session: AsyncSession, message: evaluation_pb2.Evaluation) -> None:
        super().__init__(message)
        self._session = session

    async def misclassified(self) -> np.ndarray:
        """int64, (rows, 3): row, label, predicted."""
        return await self._session.run(_plans.misclassified(self.name))
