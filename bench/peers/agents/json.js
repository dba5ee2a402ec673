// JSON of 100 KB in, changed a little, and out.
export default {
  async fetch(request) {
    const orders = await request.json();
    let total = 0;
    for (const order of orders) total += order.amount;
    return Response.json({ total, orders });
  },
};
