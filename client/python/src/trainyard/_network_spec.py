"""A network's spec from the command line's words."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np

from trainyard._words import ACTIVATIONS, LOSSES, choose
from trainyard.v1 import network_pb2


def make_network_spec(
    layers: Sequence[int],
    activation: Union[str, Sequence[str], None] = None,
    loss: str = "tse",
    init: str = "uniform:-0.5:0.5",
    bias: bool = True,
    seed: int = 0,
    weights: Optional[Mapping[str, np.ndarray]] = None,
) -> network_pb2.NetworkSpec:
    """Raises ValueError for fewer than two layers or a word that is none."""
    units = [_count(count) for count in layers]
    if len(units) < 2:
        raise ValueError(
            "layers needs the inputs and at least one layer, as in [784, 500, 200, 10]"
        )
    spec = network_pb2.NetworkSpec(input_count=units[0], seed=seed)
    for count, word in zip(units[1:], _activations(activation, len(units) - 1)):
        spec.layers.add(units=count, activation=word)
    spec.loss = choose("loss", loss, LOSSES)
    if not bias:
        spec.bias = False
    if weights is not None:
        spec.initializer.weights.CopyFrom(_given_weights(weights, units))
    else:
        spec.initializer.CopyFrom(_initializer(init))
    return spec


def _count(units: Any) -> int:
    try:
        return operator.index(units)
    except TypeError:
        raise TypeError(f"layers has {units!r}; units are whole numbers") from None


def derived_id(spec: network_pb2.NetworkSpec) -> str:
    """An id that says the layers, and differs for every other spec."""
    units = "-".join(str(count) for count in (spec.input_count, *(x.units for x in spec.layers)))
    digest = hashlib.sha256(spec.SerializeToString(deterministic=True)).hexdigest()
    return f"net-{units[:45].rstrip('-')}-{digest[:8]}"


def _activations(activation: Union[str, Sequence[str], None], count: int) -> list[int]:
    """One for each layer; 0 is the server's choice."""
    if activation is None:
        return [0] * count
    if isinstance(activation, str):
        word = choose("activation", activation, ACTIVATIONS)
        # One for all hidden layers; the output's goes with the loss.
        return [word] * (count - 1) + [0] if count > 1 else [word]
    if len(activation) != count:
        raise ValueError(
            f"activation has {len(activation)} entries for {count} layers after the input; "
            "give one for each, or one word for all hidden layers"
        )
    return [choose("activation", word, ACTIVATIONS) for word in activation]


def _initializer(text: str) -> network_pb2.Initializer:
    initializer = network_pb2.Initializer()
    kind, *bounds = text.split(":")
    if kind == "uniform" and len(bounds) == 2:
        try:
            initializer.uniform.low, initializer.uniform.high = map(float, bounds)
        except ValueError:
            raise ValueError(f"init={text!r}: LOW and HIGH are numbers") from None
    elif text in ("xavier", "he", "zeros"):
        getattr(initializer, text).SetInParent()
    else:
        raise ValueError(f"init={text!r} is not uniform:LOW:HIGH, xavier, he or zeros")
    return initializer


def _given_weights(
    weights: Mapping[str, np.ndarray], units: Sequence[int]
) -> network_pb2.WeightsInitializer:
    """W1, b1, W2, b2, ...; biases may be absent from all layers."""
    message = network_pb2.WeightsInitializer()
    for number, shape in enumerate(zip(units, units[1:]), 1):
        if f"W{number}" not in weights:
            raise ValueError(f"weights has no W{number}; it has {', '.join(weights)}")
        layer = message.layers.add()
        layer.weights.extend(_values(weights, f"W{number}", shape))
        if f"b{number}" in weights:
            layer.biases.extend(_values(weights, f"b{number}", shape[1:]))
    return message


def _values(
    weights: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]
) -> np.ndarray:
    array = np.asarray(weights[name], dtype=float)
    if array.shape != shape:
        turned = "; transpose it" if array.ndim == 2 and array.shape[::-1] == shape else ""
        raise ValueError(f"{name} has the shape {array.shape}; the network needs {shape}{turned}")
    return array.ravel()
