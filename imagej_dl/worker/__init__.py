"""The worker process of ImageJ: TensorFlow runs here, not in ImageJ's own process.

ImageJ's side starts it through Appose (https://github.com/apposed/appose), hands images over in
shared memory, follows its progress, and cancels it. Its calls are :func:`commands`,
:func:`plan`, :func:`run`, :func:`enough`, :func:`holding` and :func:`remember`.
"""

from imagej_dl.worker.run import commands, enough, holding, plan, remember, run
from imagej_dl.worker.session import Session

__all__ = ["Session", "commands", "enough", "holding", "plan", "remember", "run"]
