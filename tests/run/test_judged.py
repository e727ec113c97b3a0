"""Which documented names a program is taken to judge."""

from __future__ import annotations

import ast

from conformance.commands.judged import Reader, owners, roots

PROGRAM = """
class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 2 * x
class Net(torch.nn.Module):
    def forward(self, x):
        return self.children()
net = Net()
net.zero_grad()
torch.nn.Linear(1, 1).train()
class Descent(torch.optim.Optimizer):
    def step(self):
        pass
descent = Descent([y])
descent.zero_grad()
torch.optim.SGD([y]).state_dict()
node = y.grad_fn.next_functions[0][0]
node.register_hook(print)
y.cos()
F = torch.nn.functional
F.relu(y)
"""


def test_owners_of_attributes() -> None:
    """Methods of contexts, nodes and modules are not taken for methods of tensors."""
    tree = ast.parse(PROGRAM)
    names = set(Reader("torch.Tensor", owners(tree), roots(tree)).names(tree))
    assert names >= {
        "torch.autograd.Function.forward",
        "torch.optim.Optimizer.step",
        "torch.optim.Optimizer.zero_grad",
        "torch.optim.Optimizer.state_dict",
        "torch.autograd.function.FunctionCtx.save_for_backward",
        "torch.nn.Module.forward",
        "torch.nn.Module.children",
        "torch.nn.Module.zero_grad",
        "torch.nn.Module.train",
        "torch.autograd.graph.Node.next_functions",
        "torch.autograd.graph.Node.register_hook",
        "torch.Tensor.grad_fn",
        "torch.Tensor.cos",
        "torch.nn.functional.relu",
    }
    assert not names & {"torch.Tensor.register_hook", "torch.Tensor.zero_grad", "torch.nn.Module.cos"}
