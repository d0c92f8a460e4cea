"""The page. Gradio is imported here and in app.py only; torch and timm are imported when the first photo needs them."""
