"""Settings of agents: at which endpoints a language model answers. None is normal; everything else works without."""

from __future__ import annotations

from pydantic import Field

from lineshaft.core import Duration, Section


class Endpoint(Section):
    """One server that speaks the OpenAI protocol: llama.cpp, Ollama, vLLM on this machine, or a provider."""

    url: str = Field(description="Base URL, for example http://127.0.0.1:11434/v1.", pattern=r"^https?://")
    model: str = Field(default="", description="Name of the model, where an agent's own entry names none.")
    key_env: str = Field(default="", description="Environment variable that holds the API key; a local server needs none.")
    timeout: Duration = Field(default="2m", description="An answer that takes longer counts as none.")
    input_price: float = Field(default=0.0, ge=0, description="Money per million tokens sent.")
    output_price: float = Field(default=0.0, ge=0, description="Money per million tokens answered.")
    most_tokens: int = Field(default=2000, ge=16, description="An answer is at most so long.")


class AgentsSettings(Section):
    """Agents: the endpoints of language models by name, and the limits of a single piece of work."""

    endpoints: dict[str, Endpoint] = Field(
        default_factory=dict,
        description='Endpoints by name: endpoints.local = {url = "http://127.0.0.1:11434/v1", model = "..."}',
    )
    default: str = Field(default="", description="Endpoint of agents that name none; empty is the only one there is.")
    within: Duration = Field(default="5m", description="A piece of work that takes longer falls to a person.")
    most_requests: int = Field(default=12, ge=1, le=100, description="Questions to the model for one piece of work, at most.")
    threads: int = Field(default=2, ge=1, le=16, description="Agents at work at the same moment.")
