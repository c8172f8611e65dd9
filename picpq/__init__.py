__version__ = "0.1.0"

from picpq.bits import Bits
from picpq.compression import Settings, compare, compress, dense_model, paper_settings
from picpq.core import PicpqError
from picpq.counting import count
from picpq.criterion import Criterion, importance
from picpq.data import load_data
from picpq.explorer import SpringExplorer, explore
from picpq.models import build_model, load_weights, match_keys, plain_attention, read_weights
from picpq.network import Network, trace
from picpq.plan import Budget, BudgetError, Plan, importance_plan, layer_table, make_plan, uniform_plan
from picpq.pretrained import pretrained
from picpq.properties import measure
from picpq.quantizers import measure_harm, quantize
from picpq.modelfile import load_model
from picpq.result import Result, load_result
from picpq.search import HeldOutLoss, learn_criterion, learn_front, prepare
from picpq.surgery import prune
from picpq.training import Recipe, evaluate, published_fitness, quick_fitness, reestimate, train
