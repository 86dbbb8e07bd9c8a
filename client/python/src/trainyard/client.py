"""The client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

import numpy as np

from trainyard import _plans, _requests
from trainyard._channel import find_target
from trainyard._names import ME, full_name, owner
from trainyard._network_spec import make_network_spec
from trainyard._session import Session
from trainyard._upload import make_upload
from trainyard._watching import JobsCursor
from trainyard.dataset import Dataset
from trainyard.evaluation import Evaluation
from trainyard.events import Event
from trainyard.job import Job
from trainyard.network import Network
from trainyard.user import Queue, User

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from trainyard.options import TrainingOptions


class Client:
    """A server's datasets, networks and jobs.

    Any thread may call. A call waits 30 s for a server that went away, and 3 s for one
    that never was there, then raises Unavailable; every error is a TrainyardError.

    Args:
        server: HOST:PORT; by default TRAINYARD_SERVER of the environment, else the one
            joined last (see trainyard.join), else 127.0.0.1:7700.
        token: By default TRAINYARD_TOKEN of the environment, else the one stored when the
            server was joined; a server on loopback with one user needs none.
    """

    def __init__(self, server: Optional[str] = None, token: Optional[str] = None) -> None:
        self._session = Session(find_target(server, token))

    def close(self) -> None:
        """Closes the connection; a client may be used in a with statement, too."""
        self._session.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self._session.target.address!r})"

    # Datasets.

    def create_dataset(
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
        """Uploads rows, and returns when they are ACTIVE. An upload that is interrupted
        goes on from what the server has.

        Args:
            id: Lower-case letters, digits and hyphens.
            data: An array (rows, features) or (rows, height, width), where uint8 stays
                bytes; a pandas frame with the labels or targets among its columns; or the
                path of a CSV, IDX or NPY file.
            labels: Of an array: integers from 0, (rows,), or one-hot, (rows, classes); for
                a regression targets, (rows,) or (rows, targets). Of a path: that of the
                file of labels.
            task: "classification" or "regression".
            classes: By default the largest label + 1.
            label_column: Of a frame or CSV file; by default the one called label, target
                or class.
            target_columns: Of a frame or CSV file, for a regression.
            replace: Whether to delete a dataset of this id first.

        Raises DatasetFailed, with line and column, for rows that are bad.
        """
        upload = make_upload(data, labels, task, classes, label_column, target_columns)
        return Dataset(self._session, self._session.run(_plans.create_dataset(id, upload, replace)))

    def generate_dataset(
        self,
        id: str,
        kind: str,
        rows: int = 0,
        noise: Optional[float] = None,
        seed: int = 0,
        replace: bool = False,
    ) -> Dataset:
        """Has the server make rows, and returns when they are ACTIVE.

        Args:
            kind: "digits"; a gate: "and", "or", "xor", "nand", "nor"; points of two
                classes: "circle", "xor-points", "gauss", "spiral"; or with a real target:
                "plane", "gauss-regression".
            rows: 1000 by default; a gate has its 4.
            noise: From 0 to 1 for digits (default 0.5), to 0.5 for the others (default 0).
            seed: The same seed makes the same rows.
            replace: Whether to delete a dataset of this id first.
        """
        upload = _requests.generated(kind, rows, noise, seed)
        return Dataset(self._session, self._session.run(_plans.create_dataset(id, upload, replace)))

    def dataset(self, name: str) -> Dataset:
        """A dataset by its id or full name."""
        return Dataset(self._session, self._session.run(_requests.get("datasets", name)))

    def datasets(self, everyone: bool = False) -> list[Dataset]:
        """The caller's datasets, oldest first; with `everyone` all that they may use:
        those of the class too."""
        found = self._session.run(_requests.all_of("datasets", everyone))
        return [Dataset(self._session, message) for message in found]

    # Networks.

    def create_network(
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
        """Defines a network; the defaults are the notebook's.

        Args:
            id: Lower-case letters, digits and hyphens.
            layers: Units of every layer, inputs first: [784, 500, 200, 10].
            activation: "sigmoid", "relu", "tanh", "linear", "softmax", "step",
                "leaky-relu", "gelu" or "softplus": one for each layer after the input, or
                one word for all hidden layers. The output is then sigmoid for "tse" and
                softmax for "cross-entropy".
            loss: "tse" (total squared error) or "cross-entropy".
            init: "uniform:LOW:HIGH", "xavier", "he" or "zeros".
            bias: Whether layers have biases.
            seed: Of the weights.
            weights: W1, b1, W2, b2, ... to begin with, as Job.weights returns them.
            replace: Whether to delete a network of this id first.
        """
        spec = make_network_spec(layers, activation, loss, init, bias, seed, weights)
        return Network(self._session, self._session.run(_plans.create_network(id, spec, replace)))

    def network(self, name: str) -> Network:
        """A network by its id or full name."""
        return Network(self._session, self._session.run(_requests.get("networks", name)))

    def networks(self, everyone: bool = False) -> list[Network]:
        """The caller's networks, oldest first; with `everyone` all that they may use:
        those of the class too."""
        found = self._session.run(_requests.all_of("networks", everyone))
        return [Network(self._session, message) for message in found]

    # Jobs.

    def train(
        self,
        network: Any,
        dataset: Any,
        *,
        id: str = "",
        dry_run: bool = False,
        **options: Unpack[TrainingOptions],
    ) -> Job:
        """Queues a job, and returns it at once: then job.wait(), or job.watch().

        Args:
            network: A name, a Network, or a list of units such as [784, 500, 200, 10],
                whose network with the notebook's defaults is made where it is not there.
            dataset: A name or a Dataset.
            id: Of the job; the server chooses one by default.
            dry_run: Checks everything and makes nothing; the job's message then has an
                estimate.
            options: epochs and learning_rate, and whatever differs from the notebook's
                defaults: see trainyard.TrainingOptions.
        """
        plan = _plans.train(network, dataset, id, dry_run, options)
        return Job(self._session, self._session.run(plan))

    def job(self, name: str) -> Job:
        """A job by its id or full name."""
        return Job(self._session, self._session.run(_plans.get_job(full_name("jobs", name))))

    def jobs(self, everyone: bool = False) -> list[Job]:
        """The caller's jobs, oldest first; with `everyone` all that they may see:
        for instructors everybody's."""
        found = self._session.run(_requests.all_of("jobs", everyone))
        return [Job(self._session, message) for message in found]

    def evaluation(self, name: str) -> Evaluation:
        """An evaluation by its full name."""
        return Evaluation(self._session, self._session.run(_plans.get_evaluation(name)))

    def watch(
        self, *jobs: str, after: Optional[str] = None, everyone: bool = False
    ) -> Iterator[tuple[str, Event]]:
        """The events of all of the caller's jobs, or of those named, from now on: pairs of a
        job's name and an event. It does not end by itself; connections that break are opened
        again where they were.

        Args:
            after: A cursor, as in ListTrainingJobsResponse; "" is from the beginning.
            everyone: Of all jobs that the caller may see: for instructors everybody's.
        """
        parent = owner(everyone)
        start = self._session.run(_requests.present_cursor(parent)) if after is None else after
        names = [full_name("jobs", job) for job in jobs]
        for pair in self._session.follow(JobsCursor(parent, names, start)):
            yield pair

    # The class.

    def me(self) -> User:
        """Who the caller is, what they may use and what they use: print(client.me())."""
        return self._session.run(_requests.user(ME))

    def user(self, name: str) -> User:
        """A user by their id or full name; for instructors anybody."""
        return self._session.run(_requests.user(name))

    def users(self) -> list[User]:
        """The class, in order of joining; for instructors."""
        return self._session.run(_requests.users())

    def queue(self) -> Queue:
        """Who runs and who waits: the caller's jobs by name, and other people's as counts;
        for instructors all by name."""
        return self._session.run(_requests.queue())
