"""That every mutant of tests/mutants.py can still be made of the code as it is."""

import ast

import pytest

from tests.mutants import MUTANTS, ROOT, mutated

by_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


def test_names_are_unique():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_some_are_quick_and_most_are_not():
    assert 0 < sum(mutant.quick for mutant in MUTANTS) < len(MUTANTS) / 2


@by_mutant
def test_it_changes_code_that_is_there_into_other_code(mutant):
    assert mutant.changes
    for path, text in mutated(ROOT, mutant.changes).items():
        assert ast.dump(ast.parse(text)) != ast.dump(ast.parse((ROOT / path).read_text()))


@by_mutant
def test_its_tests_are_there(mutant):
    assert mutant.tests
    for argument in mutant.tests:
        path, *names = argument.split("::")
        assert path.startswith("tests/")
        assert (ROOT / path).exists()
        body = ast.parse((ROOT / path).read_text()).body if names else []
        for name in names:
            (found,) = (node for node in body if getattr(node, "name", None) == name)
            body = getattr(found, "body", [])
