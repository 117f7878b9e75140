"""The form as data: fields, rules, values by dotted path."""

from sapo_studio.config.schema import RunConfig, field_paths
from sapo_ui.features.new_run import form_spec


def test_flatten_and_nest_are_inverse():
    config = RunConfig.model_validate({}).model_dump()
    assert form_spec.nest(form_spec.flatten(config)) == config


def test_every_rule_names_fields_that_there_are():
    known = set(field_paths())
    values = form_spec.flatten(RunConfig().model_dump())
    for spec in form_spec.fields():
        form_spec.matters(spec, values)  # looks up every path of every rule
    assert set(form_spec.ONLY_WITH) <= known
    assert {path for rules in form_spec.ONLY_WITH.values() for path, _ in rules} <= known
