"""Contract of training: predictions averaged over views of an image."""

import numpy as np


def test_a_prediction_is_averaged_with_that_of_the_mirror_image():
    from tinytorch import training
    from tinytorch.autograd import nn
    from tinytorch.optim import SGD

    images = [np.array([[[[1, 2], [3, 4]]]], np.float32)]
    trainer = training.Trainer(nn.Flatten(), SGD(lr=0.1), images, progress=False)
    assert training.predict_averaged(trainer, images).tolist() == [[1.5, 1.5, 3.5, 3.5]]
