"""The language model behind an agent. This is the only file that knows pydantic-ai, an extra: `pip install lineshaft[agents]`.

Each question to the model and its answer is journalled, so is each use of a tool. A run that was cut off is begun anew with the
same words: what was answered before is taken from the journal, in order, and nothing is asked or done a second time.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic_ai import Agent, RunContext, UsageLimits
from pydantic_ai import Tool as ModelTool
from pydantic_ai.exceptions import ModelRetry
from pydantic_ai.messages import ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from lineshaft.act.agency.toolbox import Tool
from lineshaft.act.agency.trade import RULES, Reply
from lineshaft.core import InvalidInput, NotFound

Message = dict[str, Any]


class Recorder(Protocol):
    """What a run tells of itself, and what it remembers."""

    def remembered(self, key: str) -> Message | None:
        """Return the model's answer that is on record under a key."""
        ...

    def asked(self, key: str, size: int) -> str:
        """Set the budget of a question aside; return the call's id. Raises Forbidden."""
        ...

    def answered(self, call_id: str, answer: Message, tokens: tuple[int, int]) -> None:
        """Note the model's answer and what it used."""
        ...

    def failed(self, call_id: str, why: str) -> None:
        """Note that no answer came."""
        ...

    def use(self, tool: Tool, said: Mapping[str, Any], key: str) -> Any:
        """Use a tool, once."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """One piece of work for a model."""

    brief: str
    prompt: str
    reply: type[Reply]
    tools: Sequence[Tool]
    within: float
    most_requests: int
    most_tokens: int


def open_model(url: str, name: str, key: str) -> Model:
    """Return a model behind an endpoint that speaks the OpenAI protocol."""
    return OpenAIChatModel(name, provider=OpenAIProvider(base_url=url, api_key=key or "none"))


class _Journalled(WrapperModel):
    """A model whose answers are on record."""

    def __init__(self, wrapped: Model, recorder: Recorder, most_tokens: int) -> None:
        super().__init__(wrapped)
        self._recorder, self._most_tokens, self._count = recorder, most_tokens, 0

    async def request(
        self, messages: list[ModelMessage], model_settings: ModelSettings | None, model_request_parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Ask the model, or take its answer from the record."""
        key = f"model:{self._count}"
        self._count += 1
        before = self._recorder.remembered(key)
        if before is not None:
            return _read(before)
        size = len(ModelMessagesTypeAdapter.dump_json(messages))
        call_id = self._recorder.asked(key, size)
        try:
            response = await self.wrapped.request(messages, model_settings, model_request_parameters)
        except BaseException as error:
            self._recorder.failed(call_id, f"{type(error).__name__}: {error}"[:300])
            raise
        used = (response.usage.input_tokens or 0, response.usage.output_tokens or 0)
        self._recorder.answered(call_id, _plain(response), used)
        return response


async def work(ask: Ask, model: Model, recorder: Recorder) -> dict[str, Any]:
    """Have a model do one piece of work and return its answer, checked against the form that was asked for."""
    settings = ModelSettings(max_tokens=ask.most_tokens, temperature=0.0, timeout=ask.within)
    agent: Agent[object, Reply] = Agent(
        _Journalled(model, recorder, ask.most_tokens),
        output_type=ask.reply,
        instructions=f"{RULES}\n\n{ask.brief}",
        tools=[_tool(one, recorder) for one in ask.tools],
        model_settings=settings,
        retries=2,
    )
    async with asyncio.timeout(ask.within):
        result = await agent.run(ask.prompt, usage_limits=UsageLimits(request_limit=ask.most_requests))
    return result.output.model_dump()


def _tool(tool: Tool, recorder: Recorder) -> ModelTool[object]:
    async def run(ctx: RunContext[object], **said: Any) -> str:
        try:
            answer = await asyncio.to_thread(recorder.use, tool, said, f"tool:{ctx.tool_call_id}")
        except (InvalidInput, NotFound) as error:  # the model may say it better
            raise ModelRetry(f"{error.what}. {error.hint}") from None
        return json.dumps(answer, ensure_ascii=False, default=str)

    return ModelTool.from_schema(run, tool.name, tool.about, tool.arguments.model_json_schema(), takes_ctx=True, sequential=True)


def _plain(response: ModelResponse) -> Message:
    return ModelMessagesTypeAdapter.dump_python([response], mode="json")[0]


def _read(kept: Message) -> ModelResponse:
    found = ModelMessagesTypeAdapter.validate_python([kept])[0]
    if not isinstance(found, ModelResponse):
        raise InvalidInput("what is on record is no answer of a model", code="agent.record")
    return found
