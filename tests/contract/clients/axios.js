const axios = require("axios");
const fs = require("fs");

async function main() {
  const picture = fs.readFileSync("scene.jpg", { encoding: "base64" });
  const response = await axios.post(`${process.env.RETINUE_URL}/shapes/1`, picture, {
    params: { api_key: process.env.RETINUE_KEY },
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  console.log(JSON.stringify(response.data));
}

main().catch((error) => console.log(error.response ? error.response.data : error.message));
