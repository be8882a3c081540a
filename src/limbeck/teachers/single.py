"""The kinds that answer by themselves: one import line each, and their settings as one type."""

from typing import TYPE_CHECKING

from limbeck.settings import union
from limbeck.teachers.boosting import BoostingTeacher as BoostingTeacher
from limbeck.teachers.built import BuiltTeacher as BuiltTeacher
from limbeck.teachers.bundle import BundleTeacher as BundleTeacher
from limbeck.teachers.callable import CallableTeacher as CallableTeacher
from limbeck.teachers.embedding import EmbeddingTeacher as EmbeddingTeacher
from limbeck.teachers.endpoint import EndpointTeacher as EndpointTeacher
from limbeck.teachers.file import FileTeacher as FileTeacher
from limbeck.teachers.given import GivenTeacher as GivenTeacher
from limbeck.teachers.kind import SINGLE, Single
from limbeck.teachers.nblr import NBLRTeacher as NBLRTeacher
from limbeck.teachers.network import NetworkTeacher as NetworkTeacher
from limbeck.teachers.onnx import OnnxTeacher as OnnxTeacher
from limbeck.teachers.run import EarlierTeacher as EarlierTeacher
from limbeck.teachers.sklearn import SklearnTeacher as SklearnTeacher
from limbeck.teachers.tfidf import TfidfTeacher as TfidfTeacher
from limbeck.teachers.transformers import TransformersTeacher as TransformersTeacher

if TYPE_CHECKING:
    SingleTeacher = Single
else:
    SingleTeacher = union(SINGLE, on="kind", title="member")
