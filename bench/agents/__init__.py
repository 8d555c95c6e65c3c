"""Questions about the demo plant with answers that can be checked, in the manner of AssetOpsBench: does a model answer them?

`python -m bench.agents --url http://127.0.0.1:11434/v1 --model NAME` asks a real model behind any OpenAI-compatible endpoint;
`python -m bench.agents --scripted` plays the way to each answer instead, which shows that every question can be answered.
"""
