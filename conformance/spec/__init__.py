"""Specs: the models of the kinds, loading with places, and the language of programs and formulas."""

from .families import FamilySpec, Members
from .faults import Fault, SpecError
from .formula import Each, Expression, Formula, Update
from .load import discover, load, load_yaml, parse
from .models import Accuracy, Claim, Clause, Input, Refusal, Spec
from .modules import Member, ModuleSpec, ModuleTrial
from .operators import Body, OperatorSpec, Special
from .optimizers import OptimizerSpec, State
from .program import EXPECT, HOLD, OBSERVE, Program, program_module
from .schedulers import SchedulerSpec, Timetable
from .signature import Arguments, Parameter, Signature
from .source import SourceError
from .text import Text
from .topics import TopicSpec

__all__ = [
    "EXPECT",
    "HOLD",
    "OBSERVE",
    "Accuracy",
    "Arguments",
    "Body",
    "Claim",
    "Clause",
    "Each",
    "Expression",
    "FamilySpec",
    "Fault",
    "Formula",
    "Input",
    "Member",
    "Members",
    "ModuleSpec",
    "ModuleTrial",
    "OperatorSpec",
    "OptimizerSpec",
    "Parameter",
    "Program",
    "Refusal",
    "SchedulerSpec",
    "Signature",
    "SourceError",
    "Spec",
    "SpecError",
    "Special",
    "State",
    "Text",
    "Timetable",
    "TopicSpec",
    "Update",
    "discover",
    "load",
    "load_yaml",
    "parse",
    "program_module",
]
