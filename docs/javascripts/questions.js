// Questions to the search lose the words that stand in every question: of "how do I save my model"
// the search is asked for "save model". It would take "do" and "i" for beginnings of words.

const EVERYWHERE = new Set(
  ("a an am and are as at be by can could did do does for from has have how i if in is it its me my "
    + "of on or our should so that the their them then there these this to use was we what when "
    + "where which who why will with would you your").split(" "),
);

function asked(question) {
  const words = question.split(/\s+/);
  const left = words.filter((word) => !EVERYWHERE.has(word.toLowerCase().replace(/\W+$/, "")));
  return left.length ? left.join(" ") : question;
}

const post = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...rest) {
  const question = message?.type === 2; // the theme's number for a query
  return post.call(this, question ? { ...message, data: asked(message.data) } : message, ...rest);
};
