"""The client, for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from trainyard import _plans, _requests
from trainyard._channel import find_target
from trainyard._names import ME, full_name, owner
from trainyard._network_spec import make_network_spec
from trainyard._upload import make_upload
from trainyard._watching import JobsCursor
from trainyard.aio._session import AsyncSession
from trainyard.aio.job import Job
from trainyard.aio.resources import Dataset, Evaluation, Network
from trainyard.events import Event
from trainyard.user import Queue, User

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from trainyard.options import TrainingOptions


class Client:
    """As trainyard.Client, whose methods say what arguments mean; here what asks the server
    is awaited. It is of the event loop that it was made in:

        async with Client() as client:
            job = await client.train(
                [784, 500, 200, 10], "digits", epochs=5, learning_rate=0.3
            )
            async for event in job.watch():
                print(event)
    """

    def __init__(self, server: Optional[str] = None, token: Optional[str] = None) -> None:
        self._session = AsyncSession(find_target(server, token))

    async def close(self) -> None:
        """Closes the connection."""
        await self._session.close()

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"aio.Client({self._session.target.address!r})"

    # Datasets.

    async def create_dataset(
        self,
        id: str,
        data: Any,
        labels: Any = None,
        *,
        task: str = "classification",
        classes: int = 0,
        label_column: Union[str, int, None] = None,
        target_columns: Sequence[Union[str, int]] = (),
        replace: bool = False,
    ) -> Dataset:
        """Uploads rows, and returns when they are ACTIVE."""
        upload = make_upload(data, labels, task, classes, label_column, target_columns)
        plan = _plans.create_dataset(id, upload, replace)
        return Dataset(self._session, await self._session.run(plan))

    async def generate_dataset(
        self,
        id: str,
        kind: str,
        rows: int = 0,
        noise: Optional[float] = None,
        seed: int = 0,
        replace: bool = False,
    ) -> Dataset:
        """Has the server make rows, and returns when they are ACTIVE."""
        upload = _requests.generated(kind, rows, noise, seed)
        plan = _plans.create_dataset(id, upload, replace)
        return Dataset(self._session, await self._session.run(plan))

    async def dataset(self, name: str) -> Dataset:
        """A dataset by its id or full name."""
        return Dataset(self._session, await self._session.run(_requests.get("datasets", name)))

    async def datasets(self, everyone: bool = False) -> list[Dataset]:
        """The caller's datasets, oldest first; with `everyone` all that they may use:
        those of the class too."""
        found = await self._session.run(_requests.all_of("datasets", everyone))
        return [Dataset(self._session, message) for message in found]

    # Networks.

    async def create_network(
        self,
        id: str,
        layers: Sequence[int],
        *,
        activation: Union[str, Sequence[str], None] = None,
        loss: str = "tse",
        init: str = "uniform:-0.5:0.5",
        bias: bool = True,
        seed: int = 0,
        weights: Optional[Mapping[str, np.ndarray]] = None,
        replace: bool = False,
    ) -> Network:
        """Defines a network; the defaults are the notebook's."""
        spec = make_network_spec(layers, activation, loss, init, bias, seed, weights)
        plan = _plans.create_network(id, spec, replace)
        return Network(self._session, await self._session.run(plan))

    async def network(self, name: str) -> Network:
        """A network by its id or full name."""
        return Network(self._session, await self._session.run(_requests.get("networks", name)))

    async def networks(self, everyone: bool = False) -> list[Network]:
        """The caller's networks, oldest first; with `everyone` all that they may use:
        those of the class too."""
        found = await self._session.run(_requests.all_of("networks", everyone))
        return [Network(self._session, message) for message in found]

    # Jobs.

    async def train(
        self,
        network: Any,
        dataset: Any,
        *,
        id: str = "",
        dry_run: bool = False,
        **options: Unpack[TrainingOptions],
    ) -> Job:
        """Queues a job, and returns it at once."""
        plan = _plans.train(network, dataset, id, dry_run, options)
        return Job(self._session, await self._session.run(plan))

    async def job(self, name: str) -> Job:
        """A job by its id or full name."""
        plan = _plans.get_job(full_name("jobs", name))
        return Job(self._session, await self._session.run(plan))

    async def jobs(self, everyone: bool = False) -> list[Job]:
        """The caller's jobs, oldest first; with `everyone` all that they may see:
        for instructors everybody's."""
        found = await self._session.run(_requests.all_of("jobs", everyone))
        return [Job(self._session, message) for message in found]

    async def evaluation(self, name: str) -> Evaluation:
        """An evaluation by its full name."""
        return Evaluation(self._session, await self._session.run(_plans.get_evaluation(name)))

    async def watch(
        self, *jobs: str, after: Optional[str] = None, everyone: bool = False
    ) -> AsyncIterator[tuple[str, Event]]:
        """The events of all of the caller's jobs, or of those named, from now on."""
        parent = owner(everyone)
        start = after
        if start is None:
            start = await self._session.run(_requests.present_cursor(parent))
        names = [full_name("jobs", job) for job in jobs]
        async for pair in self._session.follow(JobsCursor(parent, names, start)):
            yield pair

    # The class.

    async def me(self) -> User:
        """Who the caller is, what they may use and what they use."""
        return await self._session.run(_requests.user(ME))

    async def user(self, name: str) -> User:
        """A user by their id or full name; for instructors anybody."""
        return await self._session.run(_requests.user(name))

    async def users(self) -> list[User]:
        """The class, in order of joining; for instructors."""
        return await self._session.run(_requests.users())

    async def queue(self) -> Queue:
        """Who runs and who waits; see trainyard.Client.queue."""
        return await self._session.run(_requests.queue())
