// A page rendered on the server: a catalogue of 50 products in Preact, components inside components.
import { h } from 'preact';
import { renderToString } from 'preact-render-to-string';

const PRODUCTS = Array.from({ length: 50 }, (_, id) => ({
  id, name: `Product ${id}`, price: (id * 7919) % 10000 / 100, tags: ['new', 'sale', 'eco'].slice(id % 3), stock: id % 5,
  text: `What "${id}" is for: a <thing> that people & machines need.`,
}));

const Tag = ({ name }) => h('li', { class: `tag tag-${name}` }, name);
const Price = ({ amount }) => h('span', { class: 'price', 'data-amount': amount }, `€ ${amount.toFixed(2)}`);
const Product = ({ product }) =>
  h('article', { class: product.stock ? 'product' : 'product sold-out', id: `p${product.id}` },
    h('h2', null, h('a', { href: `/products/${product.id}` }, product.name)),
    h('p', null, product.text),
    h(Price, { amount: product.price }),
    h('ul', null, product.tags.map((name) => h(Tag, { name, key: name }))),
    product.stock > 0 && h('button', { type: 'button', style: { color: 'white', 'background-color': 'green' } }, 'Buy'));
const Page = ({ title, products }) =>
  h('html', { lang: 'en' },
    h('head', null, h('title', null, title), h('meta', { charset: 'utf-8' })),
    h('body', null,
      h('header', null, h('h1', null, title), h('p', null, `${products.length} products`)),
      h('main', null, products.map((product) => h(Product, { product, key: product.id })))));

export default {
  fetch(request) {
    const title = new URL(request.url).searchParams.get('title') ?? 'Catalogue';
    const html = `<!doctype html>${renderToString(h(Page, { title, products: PRODUCTS }))}`;
    return new Response(html, { headers: { 'content-type': 'text/html; charset=utf-8' } });
  },
};
