"""Chat templates: what they render, in a process that is ended for what takes too much."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from sapo_engine.text import templates
from sapo_engine.text.prompts import chat_prompts, end_turns
from sapo_engine.text.templates import TEMPLATES, TemplateProcess
from sapo_studio.errors import InputError
from tests.fixtures.tiny_models import CHAT, byte_tokenizer

QUESTION = [{"role": "system", "content": "Count."}, {"role": "user", "content": "1 + 1?"}]
LOOP = "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3
ODD = {
    "a power without end": ("{{ 9**(9**9) }}", "does not end"),
    "loops in loops": (LOOP, "does not end"),
    "a billion spaces": ("{{ '%999999999d' % 1 }}", "too much memory"),
    "a text a billion times": ("{{ 'x' * 10**9 }}", "too much memory"),
    "a centred letter": ("{{ 'a'|center(10**10) }}", "too much memory"),
    "a list of lists": ("{{ (range(99999)|list) * 99999 }}", "too much memory"),
    "a text that doubles": (
        "{% set ns = namespace(s='ab') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
        "too much memory",
    ),
    "output in a loop": ("{% for i in range(99999) %}{{ 'x' * 100000 }}{% endfor %}", "too much memory"),
    "ten million spaces": ("{{ '%9999999d' % 1 }}", "writes too much"),
    "a macro that calls itself": ("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", "failed"),
    "brackets without end": ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "failed"),
    "a division by zero": ("{{ 1 / 0 }}", "failed"),
    "a long number": ("{{ 9**99999 }}", "failed"),
    "a long range": ("{{ range(10**9)|list }}", "failed"),
    "what is not Jinja": ("{% foo %}", "failed"),
    "a message that there is not": ("{{ messages[7].content }}", "failed"),
    "an attribute of Python's": ("{{ ''.__class__.__mro__ }}", "failed"),
    "a refusal that steers a terminal": ("{{ raise_exception('\x1b[31mno') }}", "\\x1b[31mno"),
}


@pytest.fixture
def tokenizer():
    return byte_tokenizer()


def refusal(tokenizer, template):
    tokenizer.chat_template = template
    with pytest.raises(InputError) as caught:
        chat_prompts(tokenizer, [QUESTION])[0]
    return str(caught.value)


def test_a_chat_prompt_ends_where_the_model_is_to_answer(tokenizer):
    text = tokenizer.decode(chat_prompts(tokenizer, [QUESTION])[0])
    assert text == ("<|im_start|>system\nCount.<|im_end|>\n<|im_start|>user\n1 + 1?<|im_end|>\n<|im_start|>assistant\n")
    end_turns(tokenizer)
    assert tokenizer.eos_token == "<|im_end|>"


@pytest.mark.parametrize(
    "template",
    [
        CHAT,
        "{{ bos_token }}{% for m in messages %}\n  {%- if m.role == 'user' %}\n{{ m.content|trim }}\n  {% endif %}\n"
        "{% endfor %}",
        "{% for m in messages %}{% generation %}{{ m['content'] }}{% endgeneration %}{% endfor %}{{ eos_token }}",
        "{% for m in messages %}{% if loop.last %}{% break %}{% endif %}{{ m|tojson }}{% endfor %}{{ tools is none }}",
        "{{ messages|tojson(indent=2) }}{{ {'é': '<'}|tojson }}",
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.content|length %}{% endfor %}"
        "{{ ns.n }}",
        "{{ dict(a=1)|tojson }}{{ dict.fromkeys(['b'], 2) }}{{ documents }}{{ undefined_thing }}",
        "{{ strftime_now('%Y') }}{% if add_generation_prompt %}>{% endif %}"
        "{{ pad_token ~ messages[-1]['content'][::-1] }}",
    ],
)
def test_what_is_rendered_is_what_transformers_renders(tokenizer, template):
    tokenizer.chat_template = template
    turns = [
        *QUESTION,
        {"role": "assistant", "content": "2 <é\U0001f600> \u2028"},
        {"role": "user", "content": " \n"},
    ]
    for prompt in (True, False):
        facts = {name: str(value) for name, value in tokenizer.special_tokens_map.items()}
        ours = TEMPLATES.render(template, [turns], facts, prompt=prompt).texts
        assert ours == [tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=prompt)]


def test_a_template_that_knows_no_system_turn_gets_it_before_the_question(tokenizer):
    tokenizer.chat_template = (
        "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
        "{% for m in messages %}[{{ m['content'] }}]{% endfor %}"
    )
    assert tokenizer.decode(chat_prompts(tokenizer, [QUESTION])[0]) == "[Count.\n\n1 + 1?]"
    both = chat_prompts(tokenizer, [QUESTION[1:], QUESTION])  # only who is refused is asked again
    assert [tokenizer.decode(ids) for ids in both] == ["[1 + 1?]", "[Count.\n\n1 + 1?]"]


def test_no_chat_template_is_told(tokenizer):
    assert "no chat template" in refusal(tokenizer, None)
    assert "no chat template" in refusal(tokenizer, {"tool_use": "x"})


def test_of_several_templates_the_default_one_is_used(tokenizer):
    tokenizer.chat_template = {"default": "d", "tool_use": "t"}
    assert tokenizer.decode(chat_prompts(tokenizer, [QUESTION])[0]) == "d"


@pytest.mark.parametrize("name", ODD)
def test_a_template_that_takes_too_much_is_refused(name, tokenizer, monkeypatch):
    monkeypatch.setattr(templates, "SECONDS", 0.2)
    monkeypatch.setattr(templates, "MEMORY", 96 << 20)
    TEMPLATES.close()
    template, words = ODD[name]
    assert words in refusal(tokenizer, template)
    TEMPLATES.close()


def test_it_is_stopped_by_the_clock_where_the_system_does_not(tokenizer, monkeypatch):
    chat_prompts(tokenizer, [QUESTION])[0]  # starting it takes as long as it takes
    monkeypatch.setattr(templates, "WAIT", 1e-3)
    assert "does not end" in refusal(tokenizer, "{{ 9**(9**9) }}")


def test_the_next_template_is_rendered_after_one_was_stopped(tokenizer, monkeypatch):
    monkeypatch.setattr(templates, "SECONDS", 0.0)
    refusal(tokenizer, "{{ 9**(9**9) }}")
    tokenizer.chat_template = CHAT
    assert chat_prompts(tokenizer, [QUESTION])[0]


def test_one_process_renders_all_and_ends_when_it_is_told(tokenizer):
    chats = [[*QUESTION, {"role": "assistant", "content": str(number)}] for number in range(1000)]
    TEMPLATES.close()
    found = chat_prompts(tokenizer, chats)
    assert found[:2] == [chat_prompts(tokenizer, [chat])[0] for chat in chats[:2]]
    assert [tokenizer.decode(ids).count(f"\n{n}<|im_end|>") for n, ids in enumerate(found)] == [1] * 1000
    children = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    (mine,) = [child for child in children if "template_child.py" in " ".join(child.cmdline())]
    assert "HOME" not in mine.environ()
    TEMPLATES.close()
    TEMPLATES.close()
    assert not mine.is_running()


def test_one_that_somebody_killed_is_started_again(tokenizer):
    process = TemplateProcess()
    for _ in range(2):
        assert process.render("x", [QUESTION], {}, prompt=True).texts == ["x"]
        assert process._process is not None
        process._process.kill()
    process.close()


def test_several_threads_ask_one_after_the_other():
    process = TemplateProcess()
    found: dict[int, list[str | None]] = {}

    def ask(number: int) -> None:
        found[number] = process.render("{{ n }}", [QUESTION] * 300, {"n": number}, prompt=True).texts

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: [str(number)] * 300 for number in range(4)}
    process.close()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the end of its input ends it, between two requests")
def test_it_ends_with_whoever_started_it():
    code = (
        "import sys\n"
        "from sapo_engine.text.templates import TEMPLATES\n"
        "TEMPLATES.render('x', [[]], {}, prompt=True)\n"
        "print(TEMPLATES._process.pid, flush=True)\n"
        "TEMPLATES.render('{{ 9**(9**9) }}', [[]], {}, prompt=True)\n"
    )
    starter = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    child = psutil.Process(int(starter.stdout.readline()))
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait()
    starter.stdout.close()
    # It ends at once, or has ended; another may have got its number, never with its command line.
    psutil.wait_procs([child], timeout=20)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
