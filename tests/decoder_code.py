"""Code that comes with a checkpoint: a small decoder in the manner of OpenELM.

As there, the config has names of its own, queries, keys and values come out of one layer, keys are
shared by several queries, the model hands a causal mask to its layers, and there is a class for
the whole language model alone. `mask` says how the causal mask is made, for tests of what can be
made bidirectional and what is refused. Tests copy this file into a folder.
"""

import torch
from torch import nn
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput


class SmallElmConfig(PretrainedConfig):
    model_type = "small-elm"

    def __init__(
        self,
        vocab_size=128,
        model_dim=32,
        num_transformer_layers=3,
        head_dim=8,
        query_heads=4,
        key_heads=2,
        max_context_length=64,
        mask="additive",
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.model_dim = model_dim
        self.num_transformer_layers = num_transformer_layers
        self.head_dim = head_dim
        self.query_heads = query_heads
        self.key_heads = key_heads
        self.max_context_length = max_context_length
        self.mask = mask
        super().__init__(**kwargs)


def rotated(vectors):
    """Each half-pair of dimensions turned by an angle that grows with the place."""
    places, half = torch.arange(vectors.shape[-2]), vectors.shape[-1] // 2
    angles = places[:, None] * 10000.0 ** (-torch.arange(half) / half)
    cos, sin = angles.cos(), angles.sin()
    first, second = vectors[..., :half], vectors[..., half:]
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class SmallElmAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.heads = (config.query_heads, config.key_heads, config.key_heads)
        self.qkv_proj = nn.Linear(config.model_dim, sum(self.heads) * config.head_dim, bias=False)
        width = config.query_heads * config.head_dim
        self.out_proj = nn.Linear(width, config.model_dim, bias=False)

    def forward(self, hidden_states, attention_mask=None):
        texts, tokens, _ = hidden_states.shape
        parts = self.qkv_proj(hidden_states).view(texts, tokens, sum(self.heads), -1)
        query, key, value = parts.transpose(1, 2).split(self.heads, dim=1)
        query, key = rotated(query), rotated(key)
        shared = self.heads[0] // self.heads[1]
        key, value = (each.repeat_interleave(shared, dim=1) for each in (key, value))
        scores = query @ key.transpose(2, 3) / self.config.head_dim**0.5
        if self.config.mask == "inside":  # whatever it is given
            later = torch.ones(tokens, tokens, dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, torch.finfo(scores.dtype).min)
        elif attention_mask is not None:
            attention_mask = attention_mask[..., :tokens, :tokens]
            if self.config.mask == "boolean":
                scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
            elif self.config.mask == "blocked":  # True where nothing is seen
                scores = scores.masked_fill(attention_mask, torch.finfo(scores.dtype).min)
            else:
                scores = scores + attention_mask
        mixed = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(texts, tokens, -1)
        return self.out_proj(mixed)


class SmallElmLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.attn = SmallElmAttention(config)
        self.attn_norm = nn.RMSNorm(config.model_dim, eps=1e-6)
        self.ffn_norm = nn.RMSNorm(config.model_dim, eps=1e-6)
        self.proj_1 = nn.Linear(config.model_dim, 2 * config.model_dim, bias=False)
        self.proj_2 = nn.Linear(2 * config.model_dim, config.model_dim, bias=False)

    def forward(self, hidden_states, attention_mask=None, use_cache=False):
        hidden_states = hidden_states + self.attn(self.attn_norm(hidden_states), attention_mask)
        inner = functional.silu(self.proj_1(self.ffn_norm(hidden_states)))
        return (hidden_states + self.proj_2(inner),)


class SmallElmPreTrainedModel(PreTrainedModel):
    config_class = SmallElmConfig
    base_model_prefix = "transformer"
    supports_gradient_checkpointing = True


class SmallElmModel(SmallElmPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.token_embeddings = nn.Embedding(config.vocab_size, config.model_dim)
        self.layers = nn.ModuleList(
            SmallElmLayer(config) for _ in range(config.num_transformer_layers)
        )
        self.norm = nn.RMSNorm(config.model_dim, eps=1e-6)
        self.gradient_checkpointing = False
        self.post_init()

    def get_input_embeddings(self):
        return self.token_embeddings

    def set_input_embeddings(self, value):
        self.token_embeddings = value

    def forward(self, input_ids, attention_mask=None, output_hidden_states=False):
        hidden = self.token_embeddings(input_ids)
        mask = self._causal(attention_mask, hidden)
        every = []
        for layer in self.layers:
            every.append(hidden)
            if self.gradient_checkpointing and self.training:
                (hidden,) = self._gradient_checkpointing_func(layer.__call__, hidden, mask)
            else:
                (hidden,) = layer(hidden, attention_mask=mask)
        hidden = self.norm(hidden)
        states = (*every, hidden) if output_hidden_states else None
        return BaseModelOutput(last_hidden_state=hidden, hidden_states=states)

    def _causal(self, real, hidden):
        kind = self.config.mask
        if kind == "flat":
            return real
        # of the longest text, as OpenELM keeps it
        longest = self.config.max_context_length
        later = torch.ones(longest, longest, dtype=torch.bool).triu(1)
        blocked = later[None, None].repeat(hidden.shape[0], 1, 1, 1)
        if real is not None:
            blocked[..., : real.shape[1]] |= real[:, None, None] == 0
        if kind == "boolean":
            return ~blocked
        if kind == "blocked":
            return blocked
        lowest = torch.finfo(hidden.dtype).min
        mask = torch.zeros(blocked.shape, dtype=hidden.dtype).masked_fill(blocked, lowest)
        if kind == "graded":
            apart = torch.arange(longest)[:, None] - torch.arange(longest)
            mask = mask - 0.1 * apart.clamp(min=0)
        if kind == "opened":  # no row of a pad is empty
            mask = mask * ~(mask == lowest).all(dim=-1, keepdim=True)
        return mask


class SmallElmForCausalLM(SmallElmPreTrainedModel):
    def __init__(self, config):
        super().__init__(config)
        self.transformer = SmallElmModel(config)
        self.lm_head = nn.Linear(config.model_dim, config.vocab_size, bias=False)
        self.post_init()

    def forward(self, input_ids, attention_mask=None):
        output = self.transformer(input_ids, attention_mask)
        return CausalLMOutput(logits=self.lm_head(output.last_hidden_state))
