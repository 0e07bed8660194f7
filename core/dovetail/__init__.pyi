"""The public names, for type checkers; at run time they are resolved when first used."""

from dovetail.interfaces import (
    Attention as Attention,
    AttentionSpec as AttentionSpec,
    Augment as Augment,
    Batch as Batch,
    Cell as Cell,
    CellSpec as CellSpec,
    Dataset as Dataset,
    DatasetSpec as DatasetSpec,
    Discriminator as Discriminator,
    DiscriminatorSpec as DiscriminatorSpec,
    Encoder as Encoder,
    EncoderSpec as EncoderSpec,
    Generator as Generator,
    GeneratorSpec as GeneratorSpec,
    Leak as Leak,
    Metric as Metric,
    MetricSpec as MetricSpec,
    Objective as Objective,
    ObjectiveSpec as ObjectiveSpec,
    OptimizerSpec as OptimizerSpec,
    Outcome as Outcome,
    Phase as Phase,
    Progress as Progress,
    Schedule as Schedule,
    ScheduleSpec as ScheduleSpec,
    Spec as Spec,
    Split as Split,
    State as State,
    Stepwise as Stepwise,
    Strategy as Strategy,
    value_at as value_at,
)
from dovetail.spaces import (
    Fields as Fields,
    Frames as Frames,
    Gaussian as Gaussian,
    Image as Image,
    Label as Label,
    Labels as Labels,
    Normal as Normal,
    Padded as Padded,
    Regions as Regions,
    Sequence as Sequence,
    Space as Space,
    Tokens as Tokens,
    Vector as Vector,
    Vocabulary as Vocabulary,
)
from dovetail.errors import (
    DovetailError as DovetailError,
    Failure as Failure,
    Fault as Fault,
    Faults as Faults,
    Misfit as Misfit,
    Mistake as Mistake,
)
from dovetail.frozendict import (
    FrozenDict as FrozenDict,
)
from dovetail.ranges import (
    within as within,
)
from dovetail.hooks import (
    hook as hook,
)
from dovetail.registries import (
    Registry as Registry,
    registry as registry,
)
from dovetail.assembly import (
    Model as Model,
    assemble as assemble,
)
from dovetail.bench import (
    load as load,
    train as train,
)

__version__: str
