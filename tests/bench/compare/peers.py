"""The same training in other people's hands: the notebook's algorithm in NumPy,
scikit-learn, and PyTorch with autograd and by hand.

Every peer is a function of a Work and the Data that returns a Result, or raises
ImportError where its library is not installed. All begin with weights
0.5 - U[0,1) and biases zero, visit the rows in a fresh random order each epoch,
and end each epoch with the cost: the sum over all rows of |t - y|^2.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Work:
    """What is trained: layers of sigmoids, on the total squared error."""

    name: str
    layers: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    optimizer: str = "sgd"
    seed: int = 1


@dataclass(frozen=True)
class Data:
    """Inputs divided by 255, rows x features, float32; labels from 0."""

    inputs: Any
    labels: Any

    @property
    def rows(self) -> int:
        return len(self.labels)


@dataclass
class Result:
    """Seconds of each epoch, its cost pass included; what it came to."""

    seconds: list[float] = field(default_factory=list)
    cost: float | None = None
    accuracy: float | None = None


class Unsupported(Exception):
    """The peer has no such work."""


def targets_of(data: Data, classes: int) -> Any:
    import numpy

    return numpy.eye(classes)[data.labels]


def numpy_notebook(work: Work, data: Data) -> Result:
    """float64, one sample at a time, columns, as the formulas are written: A_i is a
    diagonal matrix, and A_{i-1} W_i S_i is taken from left to right."""
    return numpy_by_sample(work, data, True)


def numpy_elementwise(work: Work, data: Data) -> Result:
    """The same by someone who knows that a diagonal matrix is a product of elements."""
    return numpy_by_sample(work, data, False)


def numpy_by_sample(work: Work, data: Data, matrices: bool) -> Result:
    import numpy

    if work.batch_size != 1 or work.optimizer != "sgd":
        raise Unsupported
    random = numpy.random.RandomState(work.seed)
    shapes = list(zip(work.layers, work.layers[1:]))
    weights = [0.5 - random.rand(*shape) for shape in shapes]
    biases = [numpy.zeros((units, 1)) for _, units in shapes]
    inputs = data.inputs.astype(numpy.float64)
    targets = targets_of(data, work.layers[-1])

    def forward(row: int) -> list[Any]:
        values = [inputs[row].reshape(-1, 1)]
        for w, b in zip(weights, biases):
            values.append(1 / (1 + numpy.exp(-(w.T @ values[-1] + b))))
        return values

    result = Result()
    for _ in range(work.epochs):
        start = time.perf_counter()
        for row in random.permutation(data.rows):
            values = forward(row)
            y = values[-1]
            s = -2 * y * (1 - y) * (targets[row].reshape(-1, 1) - y)
            for i in reversed(range(len(weights))):
                a = values[i]
                gradient, bias_gradient = a @ s.T, s
                if i > 0 and matrices:
                    s = numpy.diagflat(a * (1 - a)) @ weights[i] @ s
                elif i > 0:
                    s = a * (1 - a) * (weights[i] @ s)
                weights[i] = weights[i] - work.learning_rate * gradient
                biases[i] = biases[i] - work.learning_rate * bias_gradient
        cost, right = 0.0, 0
        for row in range(data.rows):
            y = forward(row)[-1].ravel()
            cost += float(((targets[row] - y) ** 2).sum())
            right += int(y.argmax() == data.labels[row])
        result.seconds.append(time.perf_counter() - start)
        result.cost, result.accuracy = cost, right / data.rows
    return result


def scikit_learn(work: Work, data: Data) -> Result:
    """MLPClassifier knows no squared error for classes: its loss is the cross
    entropy of a softmax. It sums it over the batches as it goes, so it has no cost
    pass."""
    import warnings

    import numpy
    from sklearn.neural_network import MLPClassifier

    model = MLPClassifier(
        hidden_layer_sizes=work.layers[1:-1],
        activation="logistic",
        solver=work.optimizer,
        alpha=0,
        batch_size=work.batch_size,
        # One sample at a time, the rate of the squared error diverges.
        learning_rate_init=0.1 if work.batch_size == 1 else work.learning_rate,
        momentum=0,
        max_iter=1,
        warm_start=True,
        random_state=work.seed,
    )
    # It says each time that one epoch is not enough.
    warnings.simplefilter("ignore")
    # Its own weights are drawn by the first call; ours take their place.
    one_of_each = numpy.unique(data.labels, return_index=True)[1]
    model.fit(data.inputs[one_of_each], data.labels[one_of_each])
    random = numpy.random.RandomState(work.seed)
    for weights, biases in zip(model.coefs_, model.intercepts_):
        weights[:] = 0.5 - random.rand(*weights.shape)
        biases[:] = 0
    result = Result()
    for _ in range(work.epochs):
        start = time.perf_counter()
        model.fit(data.inputs, data.labels)
        result.seconds.append(time.perf_counter() - start)
    result.accuracy = float(model.score(data.inputs, data.labels))
    return result


def torch_parameters(work: Work) -> tuple[list[Any], list[Any]]:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(work.seed)
    shapes = list(zip(work.layers, work.layers[1:]))
    weights = [0.5 - torch.rand(*shape) for shape in shapes]
    return weights, [torch.zeros(units) for _, units in shapes]


def torch_outcome(
    work: Work, inputs: Any, targets: Any, labels: Any, forward: Any
) -> tuple[float, float]:
    """The cost pass, as one batch."""
    import torch

    with torch.no_grad():
        y = forward(inputs)
        cost = ((targets - y) ** 2).sum(dtype=torch.float64)
        return float(cost), float((y.argmax(1) == labels).double().mean())


def torch_tensors(work: Work, data: Data) -> tuple[Any, Any, Any]:
    import torch

    labels = torch.as_tensor(data.labels, dtype=torch.int64)
    targets = torch.nn.functional.one_hot(labels, work.layers[-1]).float()
    return torch.as_tensor(data.inputs), targets, labels


def torch_autograd(work: Work, data: Data) -> Result:
    import torch

    weights, biases = torch_parameters(work)
    for tensor in weights + biases:
        tensor.requires_grad_(True)
    inputs, targets, labels = torch_tensors(work, data)
    kind = torch.optim.Adam if work.optimizer == "adam" else torch.optim.SGD
    optimizer = kind(weights + biases, lr=work.learning_rate)

    def forward(x: Any) -> Any:
        for w, b in zip(weights, biases):
            x = torch.sigmoid(torch.addmm(b, x, w))
        return x

    result = Result()
    for _ in range(work.epochs):
        start = time.perf_counter()
        for batch in torch.randperm(data.rows).split(work.batch_size):
            optimizer.zero_grad()
            y = forward(inputs[batch])
            (((targets[batch] - y) ** 2).sum() / len(batch)).backward()
            optimizer.step()
        result.cost, result.accuracy = torch_outcome(work, inputs, targets, labels, forward)
        result.seconds.append(time.perf_counter() - start)
    return result


def torch_by_hand(work: Work, data: Data) -> Result:
    """The backward pass written out, updating the weights in place."""
    import torch

    if work.optimizer != "sgd":
        raise Unsupported
    weights, biases = torch_parameters(work)
    inputs, targets, labels = torch_tensors(work, data)

    def forward(x: Any) -> Any:
        for w, b in zip(weights, biases):
            x = torch.addmm(b, x, w).sigmoid_()
        return x

    result = Result()
    with torch.no_grad():
        for _ in range(work.epochs):
            start = time.perf_counter()
            for batch in torch.randperm(data.rows).split(work.batch_size):
                values = [inputs[batch]]
                for w, b in zip(weights, biases):
                    values.append(torch.addmm(b, values[-1], w).sigmoid_())
                y = values[-1]
                s = (y - targets[batch]).mul_(2).mul_(y).mul_(1 - y)
                step = -work.learning_rate / len(batch)
                for i in reversed(range(len(weights))):
                    a = values[i]
                    below = torch.mm(s, weights[i].t()).mul_(a).mul_(1 - a) if i > 0 else None
                    weights[i].addmm_(a.t(), s, alpha=step)
                    biases[i].add_(s.sum(0), alpha=step)
                    s = below
            result.cost, result.accuracy = torch_outcome(work, inputs, targets, labels, forward)
            result.seconds.append(time.perf_counter() - start)
    return result


PEERS = {
    "the notebook in NumPy": numpy_notebook,
    "NumPy, by elements": numpy_elementwise,
    "scikit-learn": scikit_learn,
    "PyTorch, autograd": torch_autograd,
    "PyTorch, by hand": torch_by_hand,
}
