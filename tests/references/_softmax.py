"""What several references share: equation 1 of Hinton et al. 2015, in plain Python."""

import math


def softmax(logits, temperature=1.0):
    exponentials = [math.exp((z - max(logits)) / temperature) for z in logits]
    return [e / sum(exponentials) for e in exponentials]


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)
