r"""How the best learning rate follows the batch: linear, square root, saturating, or with a peak."""

from tenfold.core import Check, Cite, Exponent, Like, Positive, Reduction, law, maths
from tenfold.laws.batch_tradeoff import MCCANDLISH

GRANZIOL = Cite(
    "Granziol et al.",
    2020,
    "Learning Rates as a Function of Batch Size: A Random Matrix Theory Approach to Neural Network Training",
    "arXiv:2006.09092",
    "abstract: linear for SGD, square root for Adam",
)
SURGE = Cite(
    "Li et al.", 2024, "Surge Phenomenon in Optimal Learning Rate and Batch Size Scaling", "arXiv:2405.14578",
    "section on the sign of the gradient",
)  # fmt: skip
Rate = Like("output", low=0.5, high=20.0)
Batch = Like("batch", low=0.1, high=30.0)


@law(
    cite=GRANZIOL,
    output="lr_peak",
    checks=[Check({"batch": 1e6}, {"k": 3e-6, "gamma": 0.5}, 3e-3)],
    meaning={
        "k": "rate at a batch of one token, tokens^-gamma",
        "gamma": "1 for SGD, .5 for Adam by theory; fitted between .5 and 1, no unit",
    },
)
def lr_batch(batch, *, k: Positive, gamma: Exponent):
    r"""\eta(B) = k B^{\gamma}

    Use it to carry a tuned rate to another batch well below the critical one: fix gamma at 1 for SGD, at .5
    for Adam, or fit it. Not near the critical batch or above, where the rate stops rising (lr_noise) or falls
    (lr_surge).
    """
    return k * batch**gamma


@law(
    cite=MCCANDLISH,
    output="lr_peak",
    checks=[Check({"batch": 5e5}, {"lr_max": 0.02, "B_noise": 2e6}, 0.004)],
    reduces_to=[Reduction("lr_batch", when={"batch": "1e-12 * B_noise"}, coef={"k": "lr_max / B_noise", "gamma": "1"})],
    meaning={
        "lr_max": "best rate at an endless batch",
        "B_noise": "gradient noise scale tr(H Sigma) / (G' H G), tokens; half the largest rate there",
    },
)
def lr_noise(batch, *, lr_max: Rate, B_noise: Batch):
    r"""\eta(B) = \eta_{\max} / \left( 1 + B_{noise} / B \right)

    Use it for the best rate of SGD: linear below the noise scale, flat above. The best gain of one step
    follows the same curve. Not for Adam (lr_batch with gamma = .5, or lr_surge), nor for the largest stable
    rate (lr_spiked).
    """
    return lr_max / (1.0 + B_noise / batch)


@law(
    cite=SURGE,
    output="lr_peak",
    checks=[Check({"batch": 5e5}, {"lr_max": 0.02, "B_noise": 8e6}, 0.04 / 4.25)],  # sqrt 16 + sqrt 1/16
    reduces_to=[
        Reduction(
            "lr_batch",
            when={"batch": "1e-12 * B_noise"},
            coef={"k": "2 * lr_max / sqrt(B_noise)", "gamma": "0.5"},
        )
    ],
    meaning={
        "lr_max": "best rate at its peak, where the batch is B_noise",
        "B_noise": "batch of the peak, tokens; it moves up as training goes on",
    },
)
def lr_surge(batch, *, lr_max: Rate, B_noise: Batch):
    r"""\eta(B) = \frac{2 \eta_{\max}}{\sqrt{B_{noise} / B} + \sqrt{B / B_{noise}}}

    Use it for the best rate of Adam and other sign-like optimizers across the noise scale: it rises like the
    square root of the batch, peaks and falls. Not for SGD (lr_noise), and with batches on one side of the
    peak only lr_batch says as much with one coefficient less.
    """
    ratio = maths.sqrt(batch / B_noise)
    return lr_max / (0.5 * (1.0 / ratio + ratio))


@law(
    cite=GRANZIOL,
    output="lr_peak",
    checks=[
        Check({"batch": 8e6}, {"lr_max": 0.02, "B_noise": 2e6}, 0.016),  # 1 / (1 + 1/4)
        Check({"batch": 5e5}, {"lr_max": 0.02, "B_noise": 2e6}, 0.005),  # half of sqrt(1/4)
    ],
    reduces_to=[
        Reduction("lr_noise", when={"batch": "maximum(batch, B_noise)"}, coef={"lr_max": "lr_max", "B_noise": "B_noise"}),
        Reduction(
            "lr_batch",
            when={"batch": "minimum(batch, B_noise)"},
            coef={"k": "0.5 * lr_max / sqrt(B_noise)", "gamma": "0.5"},
        ),
    ],
    meaning={
        "lr_max": "largest stable rate at full batch, 2 over the top eigenvalue of the Hessian",
        "B_noise": "batch below which the top eigenvalue drowns in the noise: P sigma^2 / lambda^2, tokens",
    },
)
def lr_spiked(batch, *, lr_max: Rate, B_noise: Batch):
    r"""\eta(B) = \eta_{\max} / \left( m + b / m \right), \; b = B_{noise} / B, \; m = \max(1, \sqrt{b})

    Use it for the largest stable rate of SGD when mini-batch noise adds a random matrix to a Hessian with one
    spike: linear in the batch while the noise term rules the spike, then flat, and a square root once the
    spike is drowned. Not for the best rate, which is lower (lr_noise); several spikes bend it more gently.
    """
    excess = B_noise / batch
    top = maths.maximum(1.0, maths.sqrt(excess))
    return lr_max / (top + excess / top)
