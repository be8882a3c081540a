"""The deliverable: export, int8, parity, card."""

from limbeck.bundle.export import MAX_ERROR, Parity, export_onnx, parity, reason_of
from limbeck.bundle.precision import Choice, Runner, Student
from limbeck.bundle.write import Delivery, write_bundle

__all__ = [
    "MAX_ERROR",
    "Choice",
    "Delivery",
    "Parity",
    "Runner",
    "Student",
    "export_onnx",
    "parity",
    "reason_of",
    "write_bundle",
]
